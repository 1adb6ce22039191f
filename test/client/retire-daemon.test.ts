import { mkdirSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { retireDaemon } from '../../src/client/stop-daemon.ts';
import { pointLink, workspaceKey } from '../../src/place/socket-link.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

type Answer = (socket: Socket, method: string) => void;

let temp: TempDirectory;
let place: WorkspacePlace;
let server: Server | undefined;
let asked: string[];
beforeEach(() => {
  temp = createTempDirectory();
  place = new WorkspacePlace(join(temp.path, '.beads'));
  mkdirSync(place.beadsDir);
  mkdirSync(join(temp.path, 'bd'), { mode: 0o700 });
  asked = [];
});
afterEach(() => {
  server?.close();
  temp[Symbol.dispose]();
});

/** A daemon as far as who asks it to retire can see. */
async function pose(answer: Answer): Promise<void> {
  server = createServer((socket) => {
    socket.on('error', () => {});
    socket.setEncoding('utf8').once('data', (text) => {
      const { method } = JSON.parse(String(text)) as { method: string };
      asked.push(method);
      answer(socket, method);
    });
  });
  const socketPath = join(temp.path, 'bd', `${workspaceKey(place)}-1.sock`);
  await new Promise<void>((done) => server?.listen(socketPath, done));
  pointLink(place.socketLink, socketPath);
}

const say = (socket: Socket, outcome: object): void =>
  void socket.end(`${JSON.stringify({ jsonrpc: '2.0', id: 1, ...outcome })}\n`);

const HELLO = { result: { pid: 4711, version: '1.0.0' } };

const refusal = (code: string) => ({
  error: { code: 1, message: code, data: { code, remedy: 'Again.' } },
});

test('it says who it is, and then that it makes room', async () => {
  await pose((socket, method) => say(socket, method === 'hello' ? HELLO : { result: {} }));
  expect(await retireDaemon(place)).toEqual({ pid: 4711, version: '1.0.0' });
  expect(asked).toEqual(['hello', 'retire']);
});

test.each<[string, Answer]>([
  ['lets go of the connection', (socket) => void socket.destroy()],
  ['says so', (socket) => say(socket, refusal('DAEMON_RETIRING'))],
])('one that makes room already, and %s, is no failure', async (_how, answer) => {
  await pose((socket, method) =>
    method === 'hello' ? say(socket, HELLO) : answer(socket, method),
  );
  expect(await retireDaemon(place)).toEqual({ pid: 4711, version: '1.0.0' });
});

test('one that is gone before it has said who it is was none', async () => {
  await pose((socket) => void socket.destroy());
  expect(await retireDaemon(place)).toBeUndefined();
});

test('what refuses for another reason is told of', async () => {
  await pose((socket, method) =>
    say(socket, method === 'hello' ? HELLO : refusal('UNKNOWN_METHOD')),
  );
  await expect(retireDaemon(place)).rejects.toMatchObject({ code: 'UNKNOWN_METHOD' });
});
