import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { probeDaemon } from '../../src/client/probe-daemon.ts';
import { IDLE_TIMEOUT_MS } from '../../src/core/limits.ts';
import { runDaemon } from '../../src/daemon/lifecycle.ts';
import { silentLog } from '../../src/platform/log.ts';
import { initialise } from '../../src/workspace/initialise.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

afterEach(() => vi.restoreAllMocks());

/** A daemon in this process, for which time passes as the test says. */
async function startDaemon(directory: string, { staysWhenIdle }: { staysWhenIdle: boolean }) {
  const runtime = join(directory, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const env = { HOME: directory, XDG_RUNTIME_DIR: runtime, PATH: process.env['PATH'] ?? '' };
  const clock = createFakeClock();
  // Otherwise it would seem to have slept.
  vi.spyOn(performance, 'now').mockImplementation(() => clock.nowMs());
  const stop = new AbortController();
  await initialise({ directory, env, clock, log: silentLog, isLocal: true });
  const beadsDir = join(directory, '.beads');
  const said: string[] = [];
  let ready = (): void => {};
  const isReady = new Promise<void>((resolve) => (ready = resolve));
  const ended = runDaemon({
    beadsDir,
    env,
    clock,
    program: import.meta.filename,
    staysWhenIdle,
    stop: stop.signal,
    report(word) {
      said.push(word.kind);
      ready();
    },
  });
  await isReady;
  expect(said).toEqual(['ready']);
  return { beadsDir, clock, stop, ended };
}

test('a daemon that nobody calls ends', async () => {
  using temp = createTempDirectory();
  const { clock, ended } = await startDaemon(temp.path, { staysWhenIdle: false });
  clock.advance(2 * IDLE_TIMEOUT_MS);
  expect(await ended).toBe(0);
});

test('one that a service manager keeps stays until it is told to end', async () => {
  using temp = createTempDirectory();
  const { beadsDir, clock, stop, ended } = await startDaemon(temp.path, { staysWhenIdle: true });
  clock.advance(2 * IDLE_TIMEOUT_MS);
  expect((await probeDaemon(beadsDir)).kind).toBe('answered');
  clock.advance(2 * IDLE_TIMEOUT_MS);
  expect((await probeDaemon(beadsDir)).kind).toBe('answered');
  stop.abort('SIGTERM');
  expect(await ended).toBe(0);
});
