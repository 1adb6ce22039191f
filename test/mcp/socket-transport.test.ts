import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { JSONRPCMessage } from '@modelcontextprotocol/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { REQUESTS_PER_CONNECTION_MAX } from '../../src/core/limits.ts';
import { SocketTransport } from '../../src/mcp/socket-transport.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let ours: Socket;
let theirs: Socket;

beforeEach(async () => {
  temp = createTempDirectory();
  const path = join(temp.path, 's');
  const server = createServer({ allowHalfOpen: true }).listen(path);
  await once(server, 'listening');
  theirs = connect({ path, allowHalfOpen: true });
  [ours] = (await once(server, 'connection')) as [Socket];
  server.close();
});

afterEach(() => {
  ours.destroy();
  theirs.destroy();
  temp[Symbol.dispose]();
});

const requestLine = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`;

test('a peer that vanishes while it is not read from closes the transport', async () => {
  const transport = new SocketTransport({ socket: ours });
  const received: JSONRPCMessage[] = [];
  let closes = 0;
  Object.assign(transport, {
    onmessage: (message: JSONRPCMessage) => received.push(message),
    onclose: () => (closes += 1),
  });
  await transport.start();
  const ids = Array.from({ length: REQUESTS_PER_CONNECTION_MAX + 1 }, (_, id) => id);
  theirs.write(ids.map(requestLine).join(''));
  await eventually(() => received.length === REQUESTS_PER_CONNECTION_MAX);
  theirs.destroy();
  await once(theirs, 'close');
  await transport.send({ jsonrpc: '2.0', id: 0, result: {} });
  await transport.ended;
  expect(closes).toBe(1);
});

test('bytes that were read before the start come first', async () => {
  const [line, rest] = [requestLine(1), requestLine(2)];
  theirs.write(line.slice(0, 5));
  await once(ours, 'readable');
  const head = ours.read() as Buffer;
  ours.pause();
  const transport = new SocketTransport({ socket: ours, initial: head });
  const received: JSONRPCMessage[] = [];
  Object.assign(transport, { onmessage: (message: JSONRPCMessage) => received.push(message) });
  await transport.start();
  theirs.write(line.slice(5) + rest);
  await eventually(() => received.length === 2);
  expect(received).toMatchObject([{ id: 1 }, { id: 2 }]);
});

test('closing from our side lets the peer read what was sent', async () => {
  const transport = new SocketTransport({ socket: ours });
  let closes = 0;
  Object.assign(transport, { onclose: () => (closes += 1) });
  await transport.start();
  const text = 'x'.repeat(1_000_000);
  void transport.send({ jsonrpc: '2.0', id: 1, result: { text } });
  await transport.close();
  await transport.close();
  const chunks: Buffer[] = [];
  theirs.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(theirs, 'end');
  await transport.ended;
  expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ result: { text } });
  expect(closes).toBe(1);
});

test('a peer that never reads does not keep a closed transport open', async () => {
  const transport = new SocketTransport({ socket: ours, drainTimeoutMs: 50 });
  await transport.start();
  void transport.send({ jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(10_000_000) } });
  await transport.close();
  await transport.ended;
});

test('an end from our side answers what is pending, begins nothing more, and says so last', async () => {
  const transport = new SocketTransport({ socket: ours });
  const received: JSONRPCMessage[] = [];
  Object.assign(transport, { onmessage: (message: JSONRPCMessage) => received.push(message) });
  await transport.start();
  theirs.write(requestLine(1));
  await eventually(() => received.length === 1);
  const drained = transport.drain();
  theirs.write(requestLine(2));
  await eventually(() => ours.bytesRead === 2 * requestLine(1).length);
  await transport.send({ jsonrpc: '2.0', id: 1, result: {} });
  const chunks: Buffer[] = [];
  theirs.on('data', (chunk: Buffer) => chunks.push(chunk));
  await drained;
  await transport.ended;
  await eventually(() => String(Buffer.concat(chunks)).includes('going_away'));
  const lines = String(Buffer.concat(chunks)).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { jsonrpc: '2.0', id: 1, result: {} },
    { jsonrpc: '2.0', method: 'bd/going_away', params: {} },
  ]);
  expect(received).toHaveLength(1);
});

test('one whose requests take too long ends without saying that all were answered', async () => {
  const transport = new SocketTransport({ socket: ours, drainTimeoutMs: 50 });
  const received: JSONRPCMessage[] = [];
  Object.assign(transport, { onmessage: (message: JSONRPCMessage) => received.push(message) });
  await transport.start();
  theirs.write(requestLine(1));
  await eventually(() => received.length === 1);
  const chunks: Buffer[] = [];
  theirs.on('data', (chunk: Buffer) => chunks.push(chunk));
  theirs.resume();
  await transport.drain();
  await transport.ended;
  expect(String(Buffer.concat(chunks))).toBe('');
});
