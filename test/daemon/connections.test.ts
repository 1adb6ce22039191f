import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { BdError } from '../../src/core/errors.ts';
import {
  CONNECTIONS_MAX,
  LINE_BYTES_MAX,
  REQUESTS_PER_CONNECTION_MAX,
} from '../../src/core/limits.ts';
import { Connections, type ConnectionBounds } from '../../src/daemon/connections.ts';
import { createFaces } from '../../src/daemon/faces.ts';
import { lineFraming } from '../../src/protocol/framing.ts';
import { parseBody } from '../../src/protocol/messages.ts';
import type { Handle } from '../../src/rpc/connection.ts';
import type { Log } from '../../src/platform/log.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

interface Reply {
  id: number | string | null;
  method?: string;
  result?: unknown;
  error?: { code: number; message: string; data: { code: string; remedy: string } };
}

let temp: TempDirectory;
let path: string;
let server: Server;
let connections: Connections;
/** Other bounds, for the connections from now on. */
let begin: (bounds: ConnectionBounds) => void;
let logged: string[];
let running: number;
let runningMost: number;
let begun: number;
let release: () => void;
let gate: Promise<void>;
let refusal: BdError | undefined;
const clients: Socket[] = [];

const handle: Handle = async (method, params, caller) => {
  running += 1;
  begun += 1;
  runningMost = Math.max(runningMost, running);
  try {
    if (method === 'echo') return params;
    if (method === 'megabyte') return 'x'.repeat(1024 * 1024);
    if (method === 'wait') return await gate;
    if (method === 'refuse') throw new BdError('ISSUE_BLOCKED', { message: 'no', remedy: 'Wait.' });
    if (method === 'break') throw new TypeError('a secret bug');
    if (method === 'ask') return await caller.call('read_stdin', {});
    throw new BdError('UNKNOWN_METHOD', { message: `no "${method}"`, remedy: 'See the docs.' });
  } finally {
    running -= 1;
  }
};

beforeEach(async () => {
  temp = createTempDirectory();
  path = join(temp.path, 's.sock');
  [logged, running, runningMost, begun, refusal] = [[], 0, 0, 0, undefined];
  gate = new Promise((resolve) => (release = resolve));
  const log: Log = {
    info() {},
    warn() {},
    error: (message, details) => void logged.push(`${message} ${String(details?.['error'])}`),
  };
  begin = (bounds) => {
    connections = new Connections({
      faces: createFaces({
        call: () => Promise.reject(new Error('not used')),
        handle,
        admit() {
          if (refusal !== undefined) throw refusal;
        },
        log,
      }),
      log,
      opened() {},
      ended() {},
      bounds,
    });
  };
  begin({});
  server = createServer({ allowHalfOpen: true }, (socket) => connections.accept(socket));
  await new Promise<void>((done) => server.listen(path, done));
});

afterEach(async () => {
  release();
  for (const client of clients.splice(0)) client.destroy();
  await new Promise((done) => server.close(done));
  temp[Symbol.dispose]();
});

/** A raw client; `replies` grows, and `ended` says whether the daemon has ended its side. */
function open(): { socket: Socket; replies: Reply[]; ended: () => boolean } {
  const socket = createConnection({ path, allowHalfOpen: true });
  clients.push(socket);
  const replies: Reply[] = [];
  const framing = lineFraming();
  let isEnded = false;
  socket.on('data', (piece: Buffer) => {
    replies.push(...framing.push(piece).map((body) => parseBody(body) as Reply));
  });
  socket.on('end', () => (isEnded = true));
  // Requests that the daemon left unread make its end a reset, and then there is no 'end'.
  socket.on('close', () => (isEnded = true));
  socket.on('error', () => {});
  return { socket, replies, ended: () => isEnded };
}

const request = (id: number, method: string, params: object = {}): string =>
  `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;

async function answersTo(text: string | Uint8Array, count: number): Promise<Reply[]> {
  const { socket, replies } = open();
  socket.write(text);
  return await eventually(() => replies.length >= count && replies, { what: 'answers' });
}

describe('one JSON message per line', () => {
  test('a request is answered to its id, and a notification is not', async () => {
    const text = `{"jsonrpc":"2.0","method":"echo","params":{"n":1}}\n${request(2, 'echo', { n: 2 })}`;
    expect(await answersTo(text, 1)).toEqual([{ jsonrpc: '2.0', id: 2, result: { n: 2 } }]);
  });

  test('a request cut anywhere, between the bytes of a character too, arrives whole', async () => {
    const bytes = Buffer.from(request(1, 'echo', { text: 'ü𝄞' }));
    for (const at of [1, 8, bytes.length - 6, bytes.length - 1]) {
      const { socket, replies } = open();
      socket.write(bytes.subarray(0, at));
      await eventually(() => connections.count > 0);
      socket.write(bytes.subarray(at));
      await eventually(() => replies.length === 1);
      expect(replies[0]?.result).toEqual({ text: 'ü𝄞' });
    }
  });

  test('answers come as the work is done', async () => {
    const { socket, replies } = open();
    socket.write(request(1, 'wait') + request(2, 'echo'));
    await eventually(() => replies.length === 1);
    release();
    await eventually(() => replies.length === 2);
    expect(replies.map(({ id }) => id)).toEqual([2, 1]);
  });

  test.each([
    ['no JSON', '{"jsonrpc": nonsense}', null, -32_700, 'NOT_JSON'],
    ['no JSON-RPC', '{"id":4,"method":"echo"}', 4, -32_600, 'BAD_REQUEST'],
    ['an unknown method', request(5, 'nonsense').trim(), 5, -32_601, 'UNKNOWN_METHOD'],
    ['what is refused', request(6, 'refuse').trim(), 6, 1007, 'ISSUE_BLOCKED'],
  ])(
    '%s gets an error that says what to do, and the connection goes on',
    async (_what, line, id, code, name) => {
      const [error, next] = await answersTo(`${line}\n${request(9, 'echo')}`, 2).then((replies) =>
        replies.sort((left) => (left.id === 9 ? 1 : -1)),
      );
      expect(error).toMatchObject({ id, error: { code, data: { code: name } } });
      expect(error?.error?.data.remedy).toMatch(/\w{3}/);
      expect(next?.id).toBe(9);
    },
  );

  test('a bug ends its request only, is not shown, and is in the log', async () => {
    const replies = await answersTo(request(1, 'break') + request(2, 'echo'), 2);
    const failed = replies.find(({ id }) => id === 1);
    expect(failed?.error).toMatchObject({ code: 1099, data: { code: 'INTERNAL' } });
    expect(JSON.stringify(failed)).not.toContain('connections.test');
    expect(logged).toEqual([expect.stringContaining('a secret bug')]);
  });

  test('a line over the limit gets an error that names it, and others are still served', async () => {
    const { socket, replies, ended } = open();
    socket.write(Buffer.alloc(LINE_BYTES_MAX + 4_000_000, '{'));
    await eventually(() => ended());
    expect(replies).toMatchObject([
      { id: null, error: { code: 1009, message: expect.stringContaining(String(LINE_BYTES_MAX)) } },
    ]);
    expect(await answersTo(request(1, 'echo'), 1)).toHaveLength(1);
  });

  test('a client that has ended its side still gets its answers', async () => {
    const { socket, replies, ended } = open();
    socket.end(request(1, 'wait') + request(2, 'echo').trim());
    await eventually(() => replies.length === 1 && connections.count === 1);
    release();
    await eventually(() => ended() && connections.count === 0);
    expect(replies.map(({ id }) => id)).toEqual([2, 1]);
  });

  test('no more than so many requests of one connection run at once, and all are answered', async () => {
    const count = REQUESTS_PER_CONNECTION_MAX * 40;
    const { socket, replies } = open();
    // Long ones, so that they do not all arrive in one read.
    const padding = 'x'.repeat(20_000);
    for (let id = 1; id <= count; id += 1) socket.write(request(id, 'wait', { padding }));
    await eventually(() => running >= REQUESTS_PER_CONNECTION_MAX);
    expect(await answersTo(request(1, 'echo'), 1)).toHaveLength(1);
    release();
    await eventually(() => replies.length === count);
    // One of the other connection.
    expect(runningMost).toBe(REQUESTS_PER_CONNECTION_MAX + 1);
  });

  test('the daemon can ask back, and is told when the client goes instead', async () => {
    const { socket, replies } = open();
    socket.write(request(1, 'ask'));
    await eventually(() => replies.length === 1);
    expect(replies[0]).toMatchObject({ method: 'read_stdin' });
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: replies[0]?.id, result: 'typed' })}\n`);
    await eventually(() => replies.length === 2);
    expect(replies[1]).toMatchObject({ id: 1, result: 'typed' });
    socket.write(request(2, 'ask'));
    await eventually(() => running === 1);
    socket.destroy();
    await eventually(() => running === 0);
  });
});

describe('the framing of the Language Server Protocol', () => {
  test('a vscode-jsonrpc client is served, errors included', async () => {
    const socket = createConnection(path);
    clients.push(socket);
    const client = createMessageConnection(
      new StreamMessageReader(socket),
      new StreamMessageWriter(socket),
    );
    client.listen();
    expect(await client.sendRequest('echo', { text: 'ü𝄞' })).toEqual({ text: 'ü𝄞' });
    await expect(client.sendRequest('refuse', {})).rejects.toMatchObject({
      code: 1007,
      message: 'no',
      data: { code: 'ISSUE_BLOCKED', remedy: 'Wait.' },
    });
    await expect(client.sendRequest('nonsense', {})).rejects.toMatchObject({ code: -32_601 });
    client.dispose();
  });

  test('a body that is no JSON gets -32700, and the connection goes on', async () => {
    const text = await rawLspAnswers('Content-Length: 3\r\n\r\n{"a', frame(request(2, 'echo')));
    expect(text).toMatch(/"code":-32700[^]*"id":2/);
  });

  test('an endless header and a giant body are refused with their limit', async () => {
    expect(await rawLspAnswers(`Content-Length: 2\r\nX: ${'x'.repeat(5_000)}`)).toMatch(
      /4096 bytes/,
    );
    expect(await rawLspAnswers('Content-Length: 99999999\r\n\r\n')).toContain(
      `${LINE_BYTES_MAX} bytes`,
    );
  });

  const frame = (body: string): string =>
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  /** Sends, ends its side, and reads until the daemon has ended its own. */
  async function rawLspAnswers(...pieces: string[]): Promise<string> {
    const socket = createConnection({ path, allowHalfOpen: true });
    clients.push(socket);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (piece: string) => (text += piece));
    const end = new Promise((done) => socket.once('end', done));
    socket.end(pieces.join(''));
    await end;
    return text;
  }
});

describe('connections', () => {
  test.each(['GET / HTTP/1.1\r\n', '[{"jsonrpc":"2.0"}]\n', 'hello there\n'])(
    '%j is answered with one error line, and ended',
    async (text) => {
      const { socket, replies, ended } = open();
      socket.write(text);
      await eventually(() => ended());
      expect(replies).toMatchObject([{ id: null, error: { data: { code: 'BAD_REQUEST' } } }]);
    },
  );

  test('one that says nothing is told so and ended', async () => {
    const { replies, ended } = open();
    await eventually(() => ended());
    expect(replies[0]?.error?.message).toContain('said nothing');
  });

  test('beyond the limit they are refused, and taken again when others have ended', async () => {
    const many = Array.from({ length: CONNECTIONS_MAX }, () => open());
    await eventually(() => connections.count === CONNECTIONS_MAX);
    const late = open();
    await eventually(() => late.ended());
    expect(late.replies[0]?.error).toMatchObject({ data: { code: 'LIMIT_EXCEEDED' } });
    for (const { socket } of many) socket.destroy();
    await eventually(() => connections.count === 0);
    expect(await answersTo(request(1, 'echo'), 1)).toHaveLength(1);
  });

  const retiring = new BdError('DAEMON_RETIRING', { message: 'ends', remedy: 'Again.' });

  test('at the end running requests are answered, and new ones told to come again', async () => {
    const { socket, replies, ended } = open();
    socket.write(request(1, 'wait'));
    await eventually(() => running === 1);
    const drained = connections.drain({ refusal: retiring, timeoutMs: 60_000 });
    socket.write(request(2, 'echo'));
    await eventually(() => replies.length === 2);
    release();
    await drained;
    await eventually(() => ended());
    expect(replies).toMatchObject([
      { method: 'going_away', params: { reason: 'ends' } },
      { id: 2, error: { code: 1018, data: { code: 'DAEMON_RETIRING' } } },
      { id: 1 },
    ]);
  });

  test('at the end one that asks its client back still gets what it asked for', async () => {
    const { socket, replies } = open();
    socket.write(request(1, 'ask'));
    await eventually(() => replies.length === 1);
    const drained = connections.drain({ refusal: retiring, timeoutMs: 60_000 });
    await eventually(() => replies.length === 2);
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: replies[0]?.id, result: 'typed' })}\n`);
    await drained;
    await eventually(() => replies.length === 3);
    expect(replies[2]).toMatchObject({ id: 1, result: 'typed' });
  });

  test('at the end those that ask nothing go at once, whatever others wait for', async () => {
    const [busy, silent] = [open(), open()];
    busy.socket.write(request(1, 'wait'));
    await eventually(() => running === 1 && connections.count === 2);
    const drained = connections.drain({ refusal: retiring, timeoutMs: 60_000 });
    await eventually(() => silent.ended());
    expect(busy.ended()).toBe(false);
    release();
    await drained;
  });

  test.each([
    ['a line', request(2, 'echo')],
    ['a hello of an MCP bridge', '{"jsonrpc":"2.0","method":"bd/hello","params":{}}\n'],
  ])('at the end %s that was only half there is not begun any more', async (_what, text) => {
    const [busy, late] = [open(), open()];
    busy.socket.write(request(1, 'wait'));
    late.socket.write(text.slice(0, 10));
    await eventually(() => running === 1 && connections.count === 2);
    const drained = connections.drain({ refusal: retiring, timeoutMs: 60_000 });
    late.socket.write(text.slice(10));
    // While the other one is still waited for.
    await eventually(() => connections.count === 1);
    expect(begun).toBe(1);
    release();
    await drained;
  });

  test('at the end a client that goes without taking its answers is not waited for', async () => {
    const { socket } = open();
    socket.pause();
    const held = Array.from({ length: REQUESTS_PER_CONNECTION_MAX }, () => request(2, 'wait'));
    socket.write(request(1, 'megabyte') + held.join(''));
    await eventually(() => begun === REQUESTS_PER_CONNECTION_MAX);
    release();
    await eventually(() => running === 0);
    const drained = connections.drain({ refusal: retiring, timeoutMs: 600_000 });
    socket.destroy();
    await drained;
  });

  test('what runs on beyond all patience is cut off', async () => {
    const { socket, replies, ended } = open();
    socket.write(request(1, 'wait'));
    await eventually(() => running === 1);
    await connections.drain({ refusal: retiring, timeoutMs: 1 });
    await eventually(() => ended());
    expect(replies.map(({ id }) => id)).not.toContain(1);
  });
});

test.each([
  ['an actor that is no text', { actor: 5 }, 'bd/hello.actor'],
  ['a member that it does not have', { v: 1, name: 'x' }, '"name"'],
  ['another version', { v: 2 }, 'bd/hello.v'],
])('an MCP bridge that begins with %s is told so', async (_what, params, place) => {
  const { socket, replies, ended } = open();
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'bd/hello', params })}\n`);
  await eventually(ended);
  expect(replies).toMatchObject([{ id: null, error: { data: { code: 'INVALID_VALUE' } } }]);
  expect(replies[0]?.error?.message).toContain(place);
  expect(logged).toEqual([]);
});

describe('a client that holds the daemon’s memory', () => {
  const MIB = 1024 * 1024;

  test.each([
    ['a line', '{"jsonrpc":"2.0","id":1,'],
    ['a header', 'Content-Length: 20\r\n'],
    ['a body', 'Content-Length: 20\r\n\r\n{"jsonrpc"'],
    ['the second line', `${request(1, 'echo')}{"jsonrpc"`],
  ])('one that stays in the middle of %s is told so and ended', async (_what, text) => {
    begin({ messageTimeoutMs: 100, firstBytesTimeoutMs: 100 });
    const socket = createConnection({ path, allowHalfOpen: true });
    clients.push(socket);
    let answer = '';
    socket.on('data', (piece) => (answer += String(piece)));
    const end = new Promise((done) => socket.once('end', done));
    socket.write(text);
    await end;
    expect(answer).toMatch(/BAD_REQUEST|-32600/);
    expect(answer).toContain('not finished');
    socket.end();
    await eventually(() => connections.count === 0);
  });

  test('one whose message is not read on because its requests run is not taken for that', async () => {
    begin({ messageTimeoutMs: 100, firstBytesTimeoutMs: 100 });
    const { socket, replies, ended } = open();
    const requests = Array.from({ length: REQUESTS_PER_CONNECTION_MAX }, (_, id) =>
      request(id, 'wait'),
    );
    const last = request(99, 'echo');
    socket.write(requests.join('') + last.slice(0, 10));
    await eventually(() => running === REQUESTS_PER_CONNECTION_MAX);
    const other = open();
    other.socket.write('{"half');
    await eventually(() => other.ended());
    expect(ended()).toBe(false);
    socket.write(last.slice(10));
    release();
    await eventually(() => replies.length === REQUESTS_PER_CONNECTION_MAX + 1);
  });

  test('one that says nothing between two messages stays for as long as it likes', async () => {
    begin({ messageTimeoutMs: 100, firstBytesTimeoutMs: 100 });
    const { socket, replies, ended } = open();
    socket.write(request(1, 'echo'));
    await eventually(() => replies.length === 1);
    const other = open();
    other.socket.write('{"half');
    await eventually(() => other.ended());
    expect(ended()).toBe(false);
    socket.write(request(2, 'echo'));
    await eventually(() => replies.length === 2);
  });

  test('one that asks for much and reads nothing is not worked for until it does', async () => {
    const { socket, replies } = open();
    socket.pause();
    const count = 2 * REQUESTS_PER_CONNECTION_MAX;
    for (let id = 1; id <= count; id += 1) socket.write(request(id, 'megabyte'));
    await eventually(() => running === 0 && begun > 0);
    expect(await answersTo(request(1, 'echo'), 1)).toHaveLength(1);
    expect(begun).toBeLessThanOrEqual(REQUESTS_PER_CONNECTION_MAX + 1);
    socket.resume();
    await eventually(() => replies.length === count);
  });

  test('answers that nobody takes end the connection that has most of them, when they are too many', async () => {
    begin({ heldBytesMax: 20 * MIB });
    const [greedy, modest] = [open(), open()];
    for (const { socket } of [greedy, modest]) socket.pause();
    modest.socket.write(request(1, 'megabyte'));
    await eventually(() => begun === 1 && running === 0);
    for (let id = 1; id <= 50; id += 1) greedy.socket.write(request(id, 'megabyte'));
    await eventually(() => connections.count === 1);
    modest.socket.resume();
    await eventually(() => modest.replies.length === 1);
    expect(await answersTo(request(1, 'echo'), 1)).toHaveLength(1);
  });

  test.each([
    ['begun lines', '{'],
    ['begun bodies', `Content-Length: ${LINE_BYTES_MAX}\r\n\r\n{`],
    ['begun MCP lines', `${JSON.stringify({ jsonrpc: '2.0', method: 'bd/hello', params: {} })}\n{`],
  ])(
    '%s of all connections have one budget, and those within it are served',
    async (_what, start) => {
      begin({ heldBytesMax: 20 * MIB });
      const small = open();
      small.socket.write(request(1, 'echo').slice(0, -1));
      let gone = 0;
      for (let at = 0; at < 40; at += 1) {
        const socket = createConnection(path);
        clients.push(socket);
        socket.on('error', () => {});
        socket.once('close', () => (gone += 1));
        socket.resume();
        socket.write(start);
        socket.write(Buffer.alloc(MIB, ' '));
      }
      await eventually(() => gone >= 20, { what: 'the largest to go' });
      expect(small.ended()).toBe(false);
      small.socket.write('\n');
      await eventually(() => small.replies.length === 1);
    },
  );

  test('requests with large parameters count for as long as they run', async () => {
    begin({ heldBytesMax: 20 * MIB });
    const many = Array.from({ length: 4 }, () => open());
    const padding = 'x'.repeat(6 * MIB);
    for (const [at, { socket }] of many.entries()) {
      socket.write(request(1, 'wait', { padding }));
      // One after the other: the messages themselves never fill the budget while they arrive.
      await eventually(() => running === at + 1 || many.some(({ ended }) => ended()));
    }
    await eventually(() => many.some(({ ended }) => ended()));
    release();
    await eventually(() => many.every(({ ended, replies }) => ended() || replies.length === 1));
    expect(many.filter(({ replies }) => replies[0]?.id === 1).length).toBeGreaterThanOrEqual(2);
  });

  test('white space without end is no message', async () => {
    const { socket, replies, ended } = open();
    socket.write(Buffer.alloc(100_000, ' '));
    await eventually(() => ended());
    expect(replies).toMatchObject([{ error: { data: { code: 'BAD_REQUEST' } } }]);
  });

  test('a client that has ended its side gets the answers of requests that had to wait', async () => {
    const { socket, replies } = open();
    const count = 3 * REQUESTS_PER_CONNECTION_MAX;
    socket.end(Array.from({ length: count }, (_, id) => request(id, 'wait')).join(''));
    await eventually(() => running === REQUESTS_PER_CONNECTION_MAX);
    release();
    await eventually(() => replies.length === count);
  });
});

test('an MCP bridge that is for another daemon is told so before anything else', async () => {
  refusal = new BdError('DAEMON_RETIRING', { message: 'ends', remedy: 'Again.' });
  const { socket, replies, ended } = open();
  socket.write('{"jsonrpc":"2.0","method":"bd/hello","params":{"v":9,"more":true}}\n');
  await eventually(ended);
  expect(replies).toMatchObject([{ id: null, error: { data: { code: 'DAEMON_RETIRING' } } }]);
});
