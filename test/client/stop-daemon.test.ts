import { createServer, type Server, type Socket } from 'node:net';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DaemonHealth } from '../../src/client/daemon-health.ts';
import { stopDaemon } from '../../src/client/stop-daemon.ts';
import { acquireKernelLock, type KernelLock } from '../../src/platform/kernel-lock.ts';
import { pointLink, workspaceKey } from '../../src/place/socket-link.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import type { DaemonStatusResult } from '../../src/protocol/daemon-methods.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let place: WorkspacePlace;
const servers: Server[] = [];
let lock: KernelLock | undefined;
beforeEach(async () => {
  temp = createTempDirectory();
  place = new WorkspacePlace(join(temp.path, '.beads'));
  mkdirSync(place.beadsDir);
  mkdirSync(join(temp.path, 'bd'), { mode: 0o700 });
  lock = await acquireKernelLock(place.lockFile, { waitMs: 0 });
});
afterEach(() => {
  for (const each of servers.splice(0)) each.close();
  lock?.release();
  temp[Symbol.dispose]();
});

/** Something that is a daemon as far as the fleet can see, and answers like this. */
async function pose(answer: (socket: Socket) => void): Promise<DaemonHealth> {
  const name = `${workspaceKey(place)}-${servers.length}.sock`;
  const socketPath = join(temp.path, 'bd', name);
  const listening = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => answer(socket));
  });
  servers.push(listening);
  await new Promise<void>((done) => listening.listen(socketPath, done));
  pointLink(place.socketLink, socketPath);
  return {
    state: 'healthy',
    place,
    socketPath,
    pid: process.pid,
    registered: undefined,
    answer: {} as DaemonStatusResult,
    issue: undefined,
  };
}

const RETIRING = {
  jsonrpc: '2.0',
  id: 1,
  error: { code: 1018, message: 'it ends', data: { code: 'DAEMON_RETIRING', remedy: 'Again.' } },
};

test.each([
  ['lets go of the connection', (socket: Socket) => socket.destroy()],
  ['says so', (socket: Socket) => void socket.write(`${JSON.stringify(RETIRING)}\n`)],
])('a daemon that is ending already, and %s, is waited for', async (_how, answer) => {
  const stopping = stopDaemon(
    await pose((socket) => {
      answer(socket);
      lock?.release();
    }),
  );
  await expect(stopping).resolves.toBeUndefined();
});

test('what refuses for another reason is not taken for one that ends', async () => {
  const refusal = {
    ...RETIRING.error,
    code: -32_601,
    data: { code: 'UNKNOWN_METHOD', remedy: '' },
  };
  const stopping = stopDaemon(
    await pose(
      (socket) => void socket.write(`${JSON.stringify({ ...RETIRING, error: refusal })}\n`),
    ),
  );
  await expect(stopping).rejects.toMatchObject({ code: 'UNKNOWN_METHOD' });
});

const AGREED = '{"jsonrpc":"2.0","id":1,"result":{"message":"it ends"}}\n';

test('it has ended too when another daemon has the lock by then', async () => {
  const next = await pose(() => {});
  const member = await pose((socket) => {
    pointLink(place.socketLink, next.socketPath ?? '');
    socket.end(AGREED);
  });
  await expect(stopDaemon(member)).resolves.toBeUndefined();
});

test('one that keeps the lock is told of after a while', async () => {
  const member = await pose((socket) => void socket.end(AGREED));
  await expect(stopDaemon(member)).rejects.toThrow('was asked to end, and did not within 5 s');
});
