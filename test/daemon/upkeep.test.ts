import { afterEach, beforeEach, expect, test } from 'vitest';
import { LOOK_INTERVAL_MS, WAKE_GAP_MS, WAKE_JITTER_MS } from '../../src/core/limits.ts';
import { createHealthCheck } from '../../src/daemon/health-check.ts';
import type { ServingContext } from '../../src/daemon/server.ts';
import { createCheckpoint } from '../../src/daemon/checkpoint.ts';
import { startUpkeep } from '../../src/daemon/upkeep.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { silentLog } from '../../src/platform/log.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let clock: FakeClock;
let done: string[];
let stop: () => void;
let checkpoint: ReturnType<typeof createCheckpoint>;
/** What the monotonic clock missed while the machine slept. */
let sleptMs: number;
let standing: string;

beforeEach(() => {
  temp = createTempDirectory();
  [clock, done, sleptMs] = [createFakeClock(), [], 0];
  const healthCheck = createHealthCheck({ clock, monotonicMs: () => clock.nowMs() - sleptMs });
  checkpoint = createCheckpoint({
    tidy: () => done.push('tidy') === 0,
    release: () => false,
    clock,
    log: silentLog,
  });
  standing = 'ours';
  const context = {
    place: new WorkspacePlace(temp.path),
    clock,
    log: silentLog,
    healthCheck,
    checkpoint,
    standing: () => standing,
    post: ({ kind }: { kind: string }) => done.push(kind),
    check: () => done.push('check'),
    workspace: {
      sync: { storeChanged: () => done.push('share'), activity: () => done.push('fetch') },
    },
    server: { connections: { awake: 1 }, restoreLink: () => done.push('link') },
  } as unknown as ServingContext;
  stop = startUpkeep(context);
});
afterEach(() => {
  stop();
  temp[Symbol.dispose]();
});

function sleep(): void {
  done = [];
  sleptMs += WAKE_GAP_MS + 1;
  clock.advance(LOOK_INTERVAL_MS);
}

test('what happened before it began is noticed', () => {
  expect(done).toEqual(['link']);
});

test('after a sleep the workspace is looked at, and then the remote', () => {
  sleep();
  expect(done).toEqual(['link', 'woke', 'check']);
  clock.advance(WAKE_JITTER_MS);
  expect(done).toEqual(['link', 'woke', 'check', 'share', 'fetch']);
});

test('a daemon that ends does nothing more: the store is closed by then', () => {
  sleep();
  checkpoint.soon();
  stop();
  // The last connection ends after that.
  checkpoint.soon();
  done = [];
  clock.advance(10 * LOOK_INTERVAL_MS);
  expect(done).toEqual([]);
  expect(clock.waiting).toBe(0);
});

test('where the workspace is another process’s, nothing is written', () => {
  standing = 'lost';
  sleep();
  expect(done).toEqual(['check']);
});
