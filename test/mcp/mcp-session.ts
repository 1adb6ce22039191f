import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Client, type CallToolResult, type Transport } from '@modelcontextprotocol/client';
import { ReadBuffer, serializeMessage } from '@modelcontextprotocol/server';
import { openPlace } from '../../src/place/workspace-place.ts';
import { serveMcp, type McpLog, type McpOptions } from '../../src/mcp/mcp-server.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace } from '../../src/workspace/workspace.ts';
import { createSandbox } from '../support/sandbox.ts';

export const MODERN = '2026-07-28';

/** A real workspace without git, served over a real Unix socket. */
export interface McpHost extends AsyncDisposable {
  readonly call: Call;
  /** One entry for each connection served so far. */
  readonly served: Promise<void>[];
  /** What was logged. */
  readonly logged: { message: string; details?: Record<string, unknown> | undefined }[];
  open(): Promise<Socket>;
  client(options?: { era?: 'legacy' | 'auto' | { pin: string } }): Promise<Client>;
}

export async function createMcpHost({
  hello = {},
  wrap = (call) => call,
  bounds = {},
}: {
  hello?: McpOptions['hello'];
  wrap?: (call: Call) => Call;
  bounds?: Pick<McpOptions, 'lineBytesMax' | 'drainTimeoutMs'>;
} = {}): Promise<McpHost> {
  const sandbox = createSandbox();
  const beadsDir = sandbox.at('.beads');
  mkdirSync(beadsDir);
  writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
  writeFileSync(join(beadsDir, 'config.yaml'), 'issue_prefix: t\n');
  const env = { ...sandbox.env, USER: 'mia' };
  const workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env,
    clock: systemClock,
    log: silentLog,
  });
  const call = createCall(workspace);
  const logged: { message: string; details?: Record<string, unknown> | undefined }[] = [];
  const note: McpLog['warn'] = (message, details) => logged.push({ message, details });
  const served: Promise<void>[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const log = { warn: note, error: note };
    served.push(
      serveMcp({
        socket,
        call: wrap(call),
        hello,
        log,
        ...bounds,
      }).ended,
    );
  });
  const path = sandbox.at('s');
  await new Promise<void>((listening) => server.listen(path, listening));
  const open = async (): Promise<Socket> => {
    const socket = connect({ path, allowHalfOpen: true });
    socket.on('error', () => {});
    await new Promise((connected) => socket.once('connect', connected));
    return socket;
  };
  return {
    call,
    served,
    logged,
    open,
    async client({ era = 'legacy' } = {}) {
      const info = { name: 'test', version: '1' };
      const client = new Client(info, { versionNegotiation: { mode: era } });
      await client.connect(lineTransport(await open()));
      return client;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
      await workspace[Symbol.asyncDispose]();
      sandbox[Symbol.dispose]();
    },
  };
}

/** The client's end: as simple as it can be, to share no mistake with the server's. */
function lineTransport(socket: Socket): Transport {
  const buffer = new ReadBuffer();
  const transport: Transport = {
    start() {
      socket.on('data', (chunk) => {
        buffer.append(chunk);
        for (let read = buffer.readMessage(); read !== null; read = buffer.readMessage()) {
          transport.onmessage?.(read);
        }
      });
      socket.on('close', () => transport.onclose?.());
      return Promise.resolve();
    },
    send: (message) =>
      new Promise((sent) => {
        socket.write(serializeMessage(message), () => sent());
      }),
    close() {
      socket.destroy();
      return Promise.resolve();
    },
  };
  return transport;
}

/** A tool's structured result; throws its text when it is an error. */
export async function use<T = Record<string, unknown>>(
  client: Client,
  name: string,
  args: Record<string, unknown> = {},
): Promise<T> {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError === true) throw new Error(textOf(result));
  return result.structuredContent as T;
}

/** The text of a tool's error; throws when it succeeded. */
export async function refusal(
  client: Client,
  name: string,
  args: Record<string, unknown> = {},
): Promise<string> {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError !== true) throw new Error(`${name} was not refused`);
  return textOf(result);
}

export function textOf(result: CallToolResult): string {
  const [block] = result.content;
  return block?.type === 'text' ? block.text : '';
}

/** Sends whole lines and collects the answers until the other side ends. */
export async function exchange(socket: Socket, lines: readonly string[]): Promise<unknown[]> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(lines.map((line) => `${line}\n`).join(''));
  await new Promise((ended) => socket.once('close', ended));
  const text = Buffer.concat(chunks).toString();
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as unknown]));
}
