import { SqliteError } from 'better-sqlite3';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { probeDaemon } from '../../src/client/probe-daemon.ts';
import { LOOK_INTERVAL_MS } from '../../src/core/limits.ts';
import { runDaemon } from '../../src/daemon/lifecycle.ts';
import { silentLog } from '../../src/platform/log.ts';
import type * as Outbox from '../../src/store/outbox.ts';
import { initialise } from '../../src/workspace/initialise.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

const fault = vi.hoisted(() => ({ isLocked: false }));

// As where there is no write-ahead log, and another program writes for longer than anybody waits.
vi.mock('../../src/store/outbox.ts', async (original) => {
  const { createOutbox } = await original<typeof Outbox>();
  return {
    createOutbox: (...args: Parameters<typeof createOutbox>) => {
      const outbox = createOutbox(...args);
      const pending: typeof outbox.pending = (options) => {
        if (fault.isLocked) throw new SqliteError('database is locked', 'SQLITE_BUSY');
        return outbox.pending(options);
      };
      return { ...outbox, pending };
    },
  };
});

afterEach(() => vi.restoreAllMocks());

test('a store that cannot be read for a while ends no daemon', async () => {
  using temp = createTempDirectory();
  const runtime = join(temp.path, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const env = { HOME: temp.path, XDG_RUNTIME_DIR: runtime, PATH: process.env['PATH'] ?? '' };
  const clock = createFakeClock();
  vi.spyOn(performance, 'now').mockImplementation(() => clock.nowMs());
  await initialise({ directory: temp.path, env, clock, log: silentLog, isLocal: true });
  const beadsDir = join(temp.path, '.beads');
  const stop = new AbortController();
  let ended: Promise<number> | undefined;
  await new Promise<void>((ready) => {
    ended = runDaemon({
      beadsDir,
      env,
      clock,
      program: import.meta.filename,
      staysWhenIdle: false,
      stop: stop.signal,
      report: () => ready(),
    });
  });
  fault.isLocked = true;
  expect(() => clock.advance(LOOK_INTERVAL_MS)).not.toThrow();
  fault.isLocked = false;
  expect((await probeDaemon(beadsDir)).kind).toBe('answered');
  stop.abort('SIGTERM');
  expect(await ended).toBe(0);
});
