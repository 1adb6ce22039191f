import { describe, expect, test } from 'vitest';
import {
  IDLE_TIMEOUT_MS,
  LOOK_INTERVAL_MS,
  LOOK_SETTLE_MS,
  LOOK_SPACING_MS,
  WAKE_GAP_MS,
} from '../../src/core/limits.ts';
import { decide, type DaemonState } from '../../src/daemon/daemon-state.ts';
import { createHealthCheck, hasSlept } from '../../src/daemon/health-check.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** A machine whose calendar can be set, and which can sleep. */
function createMachine() {
  const time = createFakeClock(0);
  let ahead = 0;
  const clock: Clock = {
    nowMs: () => time.nowMs() + ahead,
    after: (delayMs, callback) => time.after(delayMs, callback),
  };
  const checks: { atMs: number; isWake: boolean }[] = [];
  const healthCheck = createHealthCheck({ clock, monotonicMs: () => time.nowMs() });
  healthCheck.start({
    onCheck: ({ isWake }) => checks.push({ atMs: time.nowMs(), isWake }),
    intervalMs: () => LOOK_INTERVAL_MS,
  });
  /** Work that the daemon does every so often, and that ticks. */
  const every = (delayMs: number, work: () => void = () => {}): void => {
    time.after(delayMs, () => {
      work();
      healthCheck.tick();
      every(delayMs, work);
    });
  };
  return { time, healthCheck, checks, every, jump: (ms: number) => (ahead += ms) };
}

const minute = 60_000;

test.each([
  ['nothing happened', 0, 0, false],
  ['a check at its time', LOOK_INTERVAL_MS, LOOK_INTERVAL_MS, false],
  ['a busy machine', LOOK_INTERVAL_MS + 20_000, LOOK_INTERVAL_MS + 20_000, false],
  ['a calendar that is put right by seconds', minute + 5_000, minute, false],
  ['a short sleep', minute + WAKE_GAP_MS + 1, minute, true],
  ['a night', 8 * 60 * minute, minute, true],
  ['a night where no clock stands still', 8 * 60 * minute, 8 * 60 * minute, true],
  ['a calendar that was set back', minute - 24 * 60 * minute, minute, true],
])('%s: %i ms by the calendar, %i ms awake', (_what, wallMs, monotonicMs, expected) => {
  expect(hasSlept({ wallMs, monotonicMs })).toBe(expected);
});

describe('a check', () => {
  test('comes at its slow pace when nothing happens', () => {
    const { time, checks } = createMachine();
    time.advance(4 * LOOK_INTERVAL_MS);
    expect(checks).toHaveLength(4);
    expect(checks.some(({ isWake }) => isWake)).toBe(false);
  });

  test('goes along with a fetch every minute, and then wakes nobody up', () => {
    const { time, checks, every } = createMachine();
    const wakes = new Set<number>();
    every(minute, () => wakes.add(time.nowMs()));
    time.advance(10 * minute);
    expect(checks).toHaveLength(10);
    expect(checks.every(({ atMs }) => wakes.has(atMs))).toBe(true);
  });

  test('is not taken each time when much happens', () => {
    const { time, checks, every } = createMachine();
    every(100);
    time.advance(minute);
    expect(checks.length).toBeLessThanOrEqual(minute / LOOK_SPACING_MS);
    expect(checks.length).toBeGreaterThan(1);
  });

  test('waits until what happens to the files has settled', () => {
    const { time, healthCheck, checks } = createMachine();
    for (let event = 0; event < 10; event += 1) {
      healthCheck.soon();
      time.advance(LOOK_SETTLE_MS - 1);
    }
    expect(checks).toEqual([]);
    time.advance(1);
    expect(checks).toHaveLength(1);
  });

  test('knows a sleep once, at whatever wakes the daemon up first', () => {
    const { time, healthCheck, checks, jump } = createMachine();
    time.after(10_000, () => healthCheck.tick());
    jump(8 * 60 * minute);
    time.advance(10_000);
    time.advance(2 * LOOK_INTERVAL_MS);
    expect(checks.map(({ isWake }) => isWake)).toEqual([true, false, false]);
  });

  test('is over when the daemon ends', () => {
    const { time, healthCheck, checks } = createMachine();
    healthCheck.soon();
    healthCheck.stop();
    healthCheck.soon();
    time.advance(minute * 60);
    expect(checks).toEqual([]);
    expect(time.waiting).toBe(0);
  });
});

test('a daemon that slept longer than the idle time has not been idle for it', () => {
  const context: DaemonState = { kind: 'serving', connections: 0, quietSinceMs: 0 };
  const nowMs = 10 * IDLE_TIMEOUT_MS;
  const checked = {
    kind: 'checked',
    nowMs,
    isBusy: false,
    workspace: 'ours',
    program: 'present',
  } as const;
  expect(decide(context, checked).kind).toBe('draining');
  expect(decide(decide(context, { kind: 'woke', nowMs }), checked).kind).toBe('serving');
});
