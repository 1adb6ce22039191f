import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { forwardCommand, newCommandKey } from '../../src/client/forward-command.ts';
import { VERSION } from '../../src/core/version.ts';
import { PROTOCOL } from '../../src/protocol/handshake.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let server: Server | undefined;
const served: Socket[] = [];
beforeEach(() => (temp = createTempDirectory()));
afterEach(async () => {
  for (const socket of served.splice(0)) socket.destroy();
  await new Promise((done) => server?.close(done));
  temp[Symbol.dispose]();
});

/** Forwards `bd create x` to a daemon of which `serve` is the whole behaviour. */
async function forwardTo(
  serve: (socket: Socket) => void,
  shown: (socket: Socket, output: string) => void = () => {},
) {
  const path = join(temp.path, 's.sock');
  server = createServer((socket) => {
    served.push(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  await new Promise<void>((done) => server?.listen(path, done));
  const socket = createConnection(path);
  await new Promise((done) => socket.once('connect', done));
  let output = '';
  const result = forwardCommand(
    socket,
    { argv: ['create', 'x'], cwd: '/p', key: 'k' },
    {
      streams: {
        stdout: (text) => {
          output += `out:${text}`;
          for (const each of served) shown(each, output);
        },
        stderr: (text) => (output += `err:${text}`),
        readStdin: () => Promise.resolve({ text: 'typed', end: true }),
      },
      daemon: 'the daemon of /p/.beads (process 4711)',
    },
  );
  return { result: await result, output };
}

const say = (socket: Socket, message: object): boolean =>
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

test('output arrives in order and on its stream, input is sent, the exit code is returned', async () => {
  let received = '';
  const forwarded = await forwardTo((socket) => {
    socket.setEncoding('utf8').on('data', (text) => {
      received += String(text);
      if (received.includes('typed')) say(socket, { id: 1, result: { exit_code: 3 } });
      else {
        say(socket, { method: 'heartbeat', params: {} });
        say(socket, { method: 'output', params: { stream: 'stdout', text: 'a' } });
        say(socket, { method: 'output', params: { stream: 'stderr', text: 'b' } });
        say(socket, { id: 'bd-1', method: 'read_stdin', params: {} });
      }
    });
  });
  expect(forwarded).toEqual({ result: { kind: 'done', exitCode: 3 }, output: 'out:aerr:b' });
  const [request, answer] = received
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(request).toMatchObject({
    method: 'run_command',
    params: { argv: ['create', 'x'], cwd: '/p' },
  });
  expect(answer).toMatchObject({ id: 'bd-1', result: { text: 'typed', end: true } });
});

const retiring = {
  id: 1,
  error: { code: 1018, message: 'ends', data: { code: 'DAEMON_RETIRING', remedy: 'Again.' } },
};

const printed = { method: 'output', params: { stream: 'stdout', text: 'a' } };

test('a daemon that ends before it has read the command can be followed by another', async () => {
  const { result } = await forwardTo((socket) => socket.destroy());
  expect(result).toEqual({ kind: 'again' });
});

test('so can one that is lost in the middle, whatever it printed, as nothing of it was shown', async () => {
  const { result, output } = await forwardTo((socket) => {
    say(socket, { method: 'heartbeat', params: {} });
    say(socket, printed);
    socket.once('data', () => socket.end());
  });
  expect(result).toEqual({ kind: 'again' });
  expect(output).toBe('');
});

test('so can one that makes room for another', async () => {
  const { result } = await forwardTo((socket) => {
    say(socket, { method: 'going_away', params: { reason: 'x' } });
    say(socket, retiring);
  });
  expect(result).toEqual({ kind: 'again' });
});

test('what comes behind the answer keeps nobody waiting', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  await forwardTo((socket) => {
    const messages = [retiring, { method: 'going_away', params: { reason: 'x' } }];
    socket.write(
      messages.map((each) => `${JSON.stringify({ jsonrpc: '2.0', ...each })}\n`).join(''),
    );
  });
  // Those of other tests may end meanwhile.
  expect(timers()).toBeLessThanOrEqual(before);
});

test('a command that has taken input is not repeated', async () => {
  const lost = forwardTo((socket) => {
    let received = '';
    socket.setEncoding('utf8').on('data', (text) => {
      if (received === '') say(socket, { id: 'bd-1', method: 'read_stdin', params: {} });
      received += String(text);
      if (received.includes('typed')) socket.end();
    });
  });
  await expect(lost).rejects.toMatchObject({
    code: 'DAEMON_UNAVAILABLE',
    message: expect.stringMatching(/4711.*bd create/),
    remedy: expect.stringContaining('may or may not'),
  });
});

test('a long command is shown as it comes, and is not repeated then', async () => {
  let shown = '';
  const lost = forwardTo(
    (socket) => void say(socket, printed),
    (socket, output) => {
      shown = output;
      socket.end();
    },
  );
  await expect(lost).rejects.toMatchObject({ message: expect.stringContaining('went away') });
  expect(shown).toBe('out:a');
});

test('one that speaks no JSON is lost too', async () => {
  const { result } = await forwardTo((socket) => void socket.write('{}\nnonsense\n'));
  expect(result).toEqual({ kind: 'again' });
});

test('the daemon hears who sends the command, and its key', async () => {
  let received = '';
  await forwardTo((socket) => {
    socket.setEncoding('utf8').on('data', (text) => {
      received += String(text);
      say(socket, { id: 1, result: { exit_code: 0 } });
    });
  });
  expect(JSON.parse(received)).toMatchObject({
    params: {
      key: 'k',
      client: { version: VERSION, protocol: [PROTOCOL.min, PROTOCOL.max] },
    },
  });
});

test('no two commands have one key', () => {
  const keys = Array.from({ length: 10_000 }, newCommandKey);
  expect(new Set(keys).size).toBe(keys.length);
});

test('an error of the daemon keeps its code', async () => {
  const refused = forwardTo((socket) => {
    say(socket, {
      id: 1,
      error: { code: 1009, message: 'm', data: { code: 'LIMIT_EXCEEDED', remedy: 'r' } },
    });
  });
  await expect(refused).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
    message: 'm',
    remedy: 'r',
  });
});
