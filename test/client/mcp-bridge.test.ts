import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bridgeMcp } from '../../src/client/mcp-bridge.ts';
import { BdError } from '../../src/core/errors.ts';
import { LINE_BYTES_MAX } from '../../src/core/limits.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

interface Message {
  id?: unknown;
  method?: string;
  params?: { name?: string };
  result?: unknown;
  error?: { message: string; data: { code: string } };
}

/** What one daemon does with each line that reaches it. */
type Daemon = (message: Message, socket: Socket) => void;

let temp: TempDirectory;
let path: string;
let server: Server;
let daemons: Daemon[];
/** The lines that each daemon got. */
let received: Message[][];
let failures: number;
let input: PassThrough;
let answers: Message[];
let said: string;
let exitCode: Promise<number>;
/** The bridge's own ends. */
let connections: Socket[];
const sockets = new Set<Socket>();

beforeEach(async () => {
  temp = createTempDirectory();
  [daemons, received, answers, said, failures] = [[], [], [], '', 0];
  connections = [];
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    const lines: Message[] = [];
    const daemon = daemons[received.push(lines) - 1];
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const whole = text.split('\n');
      text = whole.pop() ?? '';
      for (const line of whole) {
        const message = JSON.parse(line) as Message;
        lines.push(message);
        daemon?.(message, socket);
      }
    });
  });
  path = join(temp.path, 's.sock');
  await new Promise<void>((done) => server.listen(path, done));
  input = new PassThrough();
  const output = new PassThrough();
  let printed = '';
  output.setEncoding('utf8').on('data', (piece: string) => {
    printed += piece;
    answers = printed
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Message);
  });
  exitCode = bridgeMcp({
    input,
    output,
    async connect() {
      if (failures > 0) {
        failures -= 1;
        throw new BdError('DAEMON_UNAVAILABLE', { message: 'none here', remedy: 'Wait.' });
      }
      const socket = createConnection(path);
      connections.push(socket);
      await new Promise((done) => socket.once('connect', done));
      return socket;
    },
    hello: { cwd: '/p', actor: 'mia' },
    say: (text) => (said += text),
  });
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((done) => server.close(done));
  temp[Symbol.dispose]();
});

const line = (message: object): string => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;

const call = (id: number, name: string): string =>
  line({ id, method: 'tools/call', params: { name } });

const answer: Daemon = ({ id }, socket) => {
  if (id !== undefined) socket.write(line({ id, result: { done: id } }));
};

/** As by SIGKILL: when this is done, nobody can write to it any more. */
async function killDaemon(): Promise<void> {
  const ends = [...sockets].map((socket) => new Promise((done) => socket.once('close', done)));
  for (const socket of sockets) socket.destroy();
  await Promise.all(ends);
  sockets.clear();
}

const methods = (at: number): unknown[] =>
  (received[at] ?? []).map(({ method, params }) => params?.name ?? method);

test('with another daemon the session goes on, and the client sees one', async () => {
  daemons = [answer, answer];
  input.write(line({ id: 1, method: 'initialize', params: {} }));
  input.write(line({ method: 'notifications/initialized' }));
  input.write(call(2, 'ready'));
  await eventually(() => answers.length === 2);
  await killDaemon();
  input.end(call(3, 'create'));
  expect(await exitCode).toBe(0);
  expect(answers.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(methods(1)).toEqual(['bd/hello', 'initialize', 'notifications/initialized', 'create']);
  expect(said).toBe('');
});

test('what waits when it is cut off is asked again, or told to be unsure', async () => {
  const mute: Daemon = ({ params }, socket) => {
    if (params?.name === 'show') socket.destroy();
  };
  daemons = [mute, answer];
  input.write(call(1, 'close') + call(2, 'ready') + call(3, 'show'));
  await eventually(() => answers.length === 3);
  expect(answers.find(({ id }) => id === 1)?.error).toMatchObject({
    message: 'the daemon went away while it ran "close"',
    data: { code: 'DAEMON_UNAVAILABLE' },
  });
  expect(methods(1)).toEqual(['bd/hello', 'ready', 'show']);
  input.end();
  expect(await exitCode).toBe(0);
});

test('what a daemon did not begin when it took its leave is done by the next', async () => {
  const leave: Daemon = ({ params }, socket) => {
    if (params?.name === 'create') socket.end(line({ method: 'bd/going_away', params: {} }));
  };
  daemons = [leave, answer];
  input.end(call(1, 'create'));
  expect(await exitCode).toBe(0);
  expect(answers).toMatchObject([{ id: 1, result: {} }]);
});

test('a daemon that nobody waits for is not followed by another', async () => {
  daemons = [answer];
  input.write(call(1, 'ready'));
  await eventually(() => answers.length === 1);
  await killDaemon();
  input.end();
  expect(await exitCode).toBe(0);
  expect(received).toHaveLength(1);
});

test('daemons that end with every question end it: nothing hangs, nothing goes on for ever', async () => {
  const dying: Daemon = ({ params }, socket) => {
    if (params !== undefined && 'name' in params) socket.destroy();
  };
  daemons = Array.from({ length: 20 }, () => dying);
  input.write(call(1, 'ready'));
  await eventually(() => answers.length === 1);
  expect(answers[0]?.error?.message).toContain('went away');
  expect(received.length).toBeLessThan(5);
  input.end();
  expect(await exitCode).toBe(0);
});

test('while no daemon can be had each request hears why, and the next one tries again', async () => {
  daemons = [answer, answer];
  input.write(call(1, 'ready'));
  await eventually(() => answers.length === 1);
  failures = 2;
  await killDaemon();
  await eventually(() => {
    if (failures > 0) input.write(call(2, 'create'));
    return failures === 0;
  });
  const refused = answers.filter(({ error }) => error?.message === 'none here');
  expect(refused.length).toBeGreaterThan(0);
  expect(said).toBe('bd mcp: none here. Wait.\n');
  input.end(call(9, 'create'));
  expect(await exitCode).toBe(0);
  expect(answers.at(-1)).toMatchObject({ id: 9, result: {} });
});

test('once the bridge has ended, nothing is asked again', async () => {
  daemons = [() => {}, answer];
  input.write(call(1, 'ready'));
  await eventually(() => methods(0).includes('ready'));
  const [socket] = sockets;
  const closed = new Promise((done) => socket?.once('close', done));
  input.write('x'.repeat(LINE_BYTES_MAX + 1));
  expect(await exitCode).not.toBe(0);
  await closed;
  // What the bridge still sent would be there before this.
  const stranger = createConnection(path).end(line({ method: 'stranger' }));
  await eventually(() => received.flat().some(({ method }) => method === 'stranger'));
  stranger.destroy();
  expect(received.slice(1).flat()).toMatchObject([{ method: 'stranger' }]);
  expect(said).toContain('a line is longer than');
});

test('a line that fills the connection leaves nothing behind', async () => {
  daemons = [answer];
  const listeners = () => connections[0]?.listenerCount('close');
  await eventually(() => received[0]?.length === 1);
  const before = listeners();
  const large = line({ id: 1, method: 'tools/list', params: { text: 'x'.repeat(500_000) } });
  input.write(large + large + large);
  await eventually(() => answers.length === 3);
  expect(listeners()).toBe(before);
  input.end();
  expect(await exitCode).toBe(0);
});

test('bytes that are no UTF-8 arrive as they are', async () => {
  const seen: Buffer[] = [];
  daemons = [(_message, socket) => void socket.setEncoding('latin1')];
  await eventually(() => received[0]?.length === 1);
  for (const socket of sockets) {
    socket.removeAllListeners('data');
    socket.on('data', (piece: string) => seen.push(Buffer.from(piece, 'latin1')));
  }
  const bytes = Buffer.concat([
    Buffer.from('{"x":"'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('"}\n'),
  ]);
  input.write(bytes);
  await eventually(() => Buffer.concat(seen).equals(bytes));
  await killDaemon();
  input.end();
  expect(await exitCode).toBe(0);
});
