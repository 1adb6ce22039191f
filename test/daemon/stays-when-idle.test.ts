import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { lookAtDaemon } from '../../src/client/daemon-health.ts';
import { IDLE_TIMEOUT_MS } from '../../src/core/limits.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { startDaemonHere } from '../support/daemon-here.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

const time = vi.hoisted(() => ({ nowMs: (): number => 0 }));

// Otherwise the daemon would seem to have slept.
vi.mock('../../src/platform/clock.ts', async (load) => ({
  ...(await load<object>()),
  monotonicMs: () => time.nowMs(),
}));

/** A daemon for which time passes as the test says. */
async function startDaemon(directory: string, { staysWhenIdle }: { staysWhenIdle: boolean }) {
  const clock = createFakeClock();
  time.nowMs = () => clock.nowMs();
  return { clock, ...(await startDaemonHere(directory, { clock, staysWhenIdle })) };
}

test('a daemon that nobody calls ends', async () => {
  using temp = createTempDirectory();
  const { clock, ended } = await startDaemon(temp.path, { staysWhenIdle: false });
  clock.advance(2 * IDLE_TIMEOUT_MS);
  expect(await ended).toBe(0);
});

test('an open connection keeps a daemon awake, unless it says that it is passive', async () => {
  using temp = createTempDirectory();
  const { beadsDir, clock, ended } = await startDaemon(temp.path, { staysWhenIdle: false });
  const socket = createConnection(join(beadsDir, 'bd.sock'));
  const hello = async (params: object): Promise<unknown> => {
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'hello', params })}\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return JSON.parse(String(answer));
  };
  expect(await hello({})).toMatchObject({ result: { state: 'serving' } });
  clock.advance(2 * IDLE_TIMEOUT_MS);
  expect(await hello({ passive: true })).toMatchObject({ result: { state: 'serving' } });
  clock.advance(2 * IDLE_TIMEOUT_MS);
  const [farewell] = (await once(socket, 'data')) as [Buffer];
  expect(JSON.parse(String(farewell))).toMatchObject({ method: 'going_away' });
  expect(await ended).toBe(0);
});

test('one that a service manager keeps stays until it is told to end', async () => {
  using temp = createTempDirectory();
  const { beadsDir, clock, stop, ended } = await startDaemon(temp.path, { staysWhenIdle: true });
  clock.advance(2 * IDLE_TIMEOUT_MS);
  expect((await lookAtDaemon(new WorkspacePlace(beadsDir))).state).toBe('healthy');
  clock.advance(2 * IDLE_TIMEOUT_MS);
  expect((await lookAtDaemon(new WorkspacePlace(beadsDir))).state).toBe('healthy');
  stop.abort('SIGTERM');
  expect(await ended).toBe(0);
});
