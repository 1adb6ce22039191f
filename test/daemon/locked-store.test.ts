import { SqliteError } from 'better-sqlite3';
import { afterEach, expect, test, vi } from 'vitest';
import { lookAtDaemon } from '../../src/client/daemon-health.ts';
import { LOOK_INTERVAL_MS } from '../../src/core/limits.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import type * as Outbox from '../../src/store/outbox.ts';
import { startDaemonHere } from '../support/daemon-here.ts';
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
  const clock = createFakeClock();
  // Otherwise it would seem to have slept.
  vi.spyOn(performance, 'now').mockImplementation(() => clock.nowMs());
  const { beadsDir, stop, ended } = await startDaemonHere(temp.path, { clock });
  fault.isLocked = true;
  expect(() => clock.advance(LOOK_INTERVAL_MS)).not.toThrow();
  fault.isLocked = false;
  expect((await lookAtDaemon(new WorkspacePlace(beadsDir))).state).toBe('healthy');
  stop.abort('SIGTERM');
  expect(await ended).toBe(0);
});
