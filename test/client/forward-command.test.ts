import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { forwardCommand } from '../../src/client/forward-command.ts';
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
async function forwardTo(serve: (socket: Socket) => void) {
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
    { argv: ['create', 'x'], cwd: '/p' },
    {
      streams: {
        stdout: (text) => (output += `out:${text}`),
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

test('a daemon that ends before it has read the command has not done it', async () => {
  const { result } = await forwardTo((socket) => socket.destroy());
  expect(result).toEqual({ kind: 'not_started' });
});

test('one that is lost in the middle leaves open whether it has', async () => {
  const lost = forwardTo((socket) => {
    say(socket, { method: 'heartbeat', params: {} });
    socket.once('data', () => socket.end());
  });
  await expect(lost).rejects.toMatchObject({
    code: 'DAEMON_UNAVAILABLE',
    message: expect.stringMatching(/4711.*bd create/),
    remedy: expect.stringContaining('may or may not'),
  });
});

test('one that speaks no JSON is lost too', async () => {
  const lost = forwardTo((socket) => void socket.write('{}\nnonsense\n'));
  await expect(lost).rejects.toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
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
