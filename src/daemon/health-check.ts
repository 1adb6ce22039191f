import { LOOK_INTERVAL_MS, LOOK_SETTLE_MS, LOOK_SPACING_MS, WAKE_GAP_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';

/** What a look finds out about the time since the one before. */
export interface Elapsed {
  /** By the calendar: this one goes on while the machine sleeps. */
  wallMs: number;
  /** By a clock that nobody sets, and that may stand still during sleep. */
  monotonicMs: number;
}

export interface HealthCheck {
  /**
   * The clock for all parts of the daemon: a look goes along when one of them wakes up, so that a
   * daemon that waits for its next fetch wakes up for nothing else.
   */
  readonly clock: Clock;
  start(options: { look: (since: { isWake: boolean }) => void; intervalMs: () => number }): void;
  /** Looks when what happens has settled: in the middle of an `rm -r` nothing may be put back. */
  soon(): void;
  stop(): void;
}

/** Looks soon after whatever happens, and at a slow pace when nothing does. */
export function createHealthCheck({
  clock,
  monotonicMs,
}: {
  clock: Clock;
  monotonicMs: () => number;
}): HealthCheck {
  const read = (): Elapsed => ({ wallMs: clock.nowMs(), monotonicMs: monotonicMs() });
  let last = read();
  let tick = (): void => {};
  let arm = (_delayMs: number): void => {};
  let cancel = (): void => {};

  const elapsed = (): Elapsed => {
    const now = read();
    return {
      wallMs: now.wallMs - last.wallMs,
      monotonicMs: now.monotonicMs - last.monotonicMs,
    };
  };
  return {
    clock: {
      nowMs: () => clock.nowMs(),
      after: (delayMs, callback) =>
        clock.after(delayMs, () => {
          callback();
          if (elapsed().monotonicMs >= LOOK_SPACING_MS || hasSlept(elapsed())) tick();
        }),
    },
    start({ look, intervalMs }) {
      arm = (delayMs) => {
        cancel();
        cancel = clock.after(delayMs, tick);
      };
      last = read();
      tick = () => {
        const isWake = hasSlept(elapsed());
        last = read();
        arm(intervalMs());
        look({ isWake });
      };
      arm(intervalMs());
    },
    soon: () => arm(LOOK_SETTLE_MS),
    stop() {
      tick = () => {};
      arm = () => {};
      cancel();
    },
  };
}

/**
 * Whether the machine slept, the process was stopped, or somebody set the clock: in each case what
 * was planned for a time, and what is believed of the world, is to be looked at again. Linux stops
 * the monotonic clock during sleep; macOS does not, and there the look comes late.
 */
export function hasSlept({ wallMs, monotonicMs }: Elapsed): boolean {
  const jumped = Math.abs(wallMs - monotonicMs) > WAKE_GAP_MS;
  return jumped || monotonicMs > LOOK_INTERVAL_MS + WAKE_GAP_MS;
}
