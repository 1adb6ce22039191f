import type { Clock } from '../../src/platform/clock.ts';

export interface FakeClock extends Clock {
  /**
   * Moves time forward, calling back what falls due, in order. What has not arrived yet, such as the end of a
   * connection, begins from the later time: wait for it first.
   */
  advance(ms: number): void;
  /** How many callbacks wait. */
  readonly waiting: number;
}

export function createFakeClock(startMs = Date.UTC(2026, 0, 2, 3, 4, 5)): FakeClock {
  let nowMs = startMs;
  let timers: { atMs: number; callback: () => void }[] = [];
  return {
    nowMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const due = timers
          .filter((timer) => timer.atMs <= endMs)
          .sort((left, right) => left.atMs - right.atMs)[0];
        if (due === undefined) break;
        timers = timers.filter((other) => other !== due);
        nowMs = Math.max(nowMs, due.atMs);
        due.callback();
      }
      nowMs = endMs;
    },
    get waiting() {
      return timers.length;
    },
  };
}
