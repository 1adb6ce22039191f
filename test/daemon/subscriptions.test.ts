import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { Connections } from '../../src/daemon/connections.ts';
import { rpcFace } from '../../src/daemon/faces.ts';
import { silentLog } from '../../src/platform/log.ts';
import { beginsAsJson } from '../../src/protocol/first-bytes.ts';
import { lineFraming } from '../../src/protocol/framing.ts';
import type { Handle } from '../../src/rpc/connection.ts';
import type { Face } from '../../src/rpc/face.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const NOTIFICATIONS = 10_000;
const HELD_BYTES_MAX = 4 * 1024 * 1024;

/** In all as much as would fill that ten times over, were it kept. */
const TEXT = 'x'.repeat(4_096);

let temp: TempDirectory;
let path: string;
let server: Server;
let connections: Connections;
let sent: number;
let subscribed: number;
let released: number;
const clients: Socket[] = [];

/** A face with a subscription, as one that comes later will have. */
const handle: Handle = async (method, _params, caller) => {
  if (method === 'echo') return 'here';
  if (method === 'become_passive') return caller.becomePassive();
  caller.keepOpen();
  subscribed += 1;
  if (method === 'subscribe') {
    while (sent < NOTIFICATIONS && !caller.signal.aborted) {
      await caller.notify('event', { text: TEXT });
      sent += 1;
    }
  }
  if (!caller.signal.aborted) await once(caller.signal, 'abort');
  released += 1;
  throw caller.signal.reason;
};

const testFace: Face = {
  ...rpcFace('test', { handle, log: silentLog }, { matches: beginsAsJson, framing: lineFraming }),
  matches: (bytes) => (bytes.length < 4 ? undefined : bytes.subarray(0, 4).toString() === 'TEST'),
  load: () => (opened) => {
    opened.becomePassive();
    opened.socket.end('passive\n');
    return { drain: () => Promise.resolve() };
  },
};

let awake: number;

beforeEach(async () => {
  temp = createTempDirectory();
  path = join(temp.path, 's.sock');
  [sent, subscribed, released, awake] = [0, 0, 0, 0];
  connections = new Connections({
    faces: [
      testFace,
      rpcFace(
        'line-json',
        { handle, log: silentLog },
        { matches: beginsAsJson, framing: lineFraming },
      ),
    ],
    log: silentLog,
    opened: () => (awake += 1),
    ended: () => (awake -= 1),
  });
  server = createServer({ allowHalfOpen: true }, (socket) => connections.accept(socket));
  await new Promise<void>((done) => server.listen(path, done));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await connections.drain({ refusal: retiring, timeoutMs: 0 });
  await new Promise((done) => server.close(done));
  temp[Symbol.dispose]();
});

const retiring = new BdError('DAEMON_RETIRING', { message: 'ends', remedy: 'Again.' });

const request = (id: number, method: string): string =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params: {} })}\n`;

function open(text: string): Socket {
  const socket = createConnection({ path, allowHalfOpen: true });
  clients.push(socket);
  socket.on('error', () => {});
  socket.write(text);
  return socket;
}

async function answer(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  await eventually(() => text.includes('\n'));
  return text;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heldBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a subscriber that stops reading costs little memory, and delays nobody', async () => {
  await answer(open(request(1, 'echo')));
  const before = heldBytes();
  open(request(1, 'subscribe')).pause();
  let known = -1;
  // Until the subscription waits for its reader.
  await eventually(async () => {
    const isStill = sent > 0 && sent === known;
    known = sent;
    expect(await answer(open(request(2, 'echo')))).toContain('here');
    return isStill;
  });
  expect(sent).toBeLessThan(NOTIFICATIONS);
  expect(heldBytes() - before).toBeLessThan(HELD_BYTES_MAX);
});

test('a subscriber that reads gets every notification', async () => {
  const socket = open(request(1, 'subscribe'));
  let bytes = 0;
  socket.on('data', (chunk) => (bytes += chunk.length));
  await eventually(() => sent === NOTIFICATIONS && bytes >= NOTIFICATIONS * TEXT.length);
});

test.each(['wait', 'subscribe'])(
  'fifty open subscriptions (%s), read or not, end within a second',
  async (method) => {
    for (let at = 0; at < 50; at += 1) {
      const socket = open(request(1, method));
      if (at % 2 === 0) socket.resume();
      else socket.pause();
    }
    await eventually(() => subscribed === 50);
    const startMs = performance.now();
    await connections.drain({ refusal: retiring, timeoutMs: 60_000 });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect(released).toBe(50);
    await eventually(() => connections.count === 0);
  },
);

test('a subscriber is told that the daemon goes away, and why its subscription ended', async () => {
  const socket = open(request(7, 'wait'));
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  await eventually(() => subscribed === 1);
  await connections.drain({ refusal: retiring, timeoutMs: 60_000 });
  await eventually(() => text.trim().split('\n').length === 2);
  expect(
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toMatchObject([
    { method: 'going_away' },
    { id: 7, error: { data: { code: 'DAEMON_RETIRING' } } },
  ]);
});

test('a connection that becomes passive no longer keeps the daemon awake', async () => {
  const socket = open(request(1, 'echo'));
  await answer(socket);
  expect([awake, connections.awake, connections.count]).toEqual([1, 1, 1]);
  socket.write(request(2, 'become_passive') + request(3, 'become_passive'));
  await eventually(() => awake === 0);
  expect([connections.awake, connections.count]).toEqual([0, 1]);
  socket.destroy();
  await eventually(() => connections.count === 0);
  expect(awake).toBe(0);
});

test('a face is found by its first bytes, and may be passive from its start', async () => {
  expect(await answer(open('TEST'))).toBe('passive\n');
  expect(awake).toBe(0);
});
