import { LOOK_INTERVAL_MS, LOOK_SETTLE_MS, LOOK_SPACING_MS, WAKE_GAP_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';

/** Time since the last check. */
export interface Elapsed {
  /** By the calendar: it goes on while the machine sleeps. */
  wallMs: number;
  /** By a clock that cannot be set, and that may stop during sleep. */
  monotonicMs: number;
}

export type HealthCheck = ReturnType<typeof createHealthCheck>;

interface HealthCheckOptions {
  clock: Clock;
  monotonicMs: () => number;
}

/** Checks the daemon's workspace soon after anything happened, and at a slow pace while nothing does. */
export function createHealthCheck({ clock, monotonicMs }: HealthCheckOptions) {
  const read = (): Elapsed => ({ wallMs: clock.nowMs(), monotonicMs: monotonicMs() });
  let last = read();
  let check: (() => void) | undefined;
  let cancel = (): void => {};

  const elapsed = (): Elapsed => {
    const now = read();
    return {
      wallMs: now.wallMs - last.wallMs,
      monotonicMs: now.monotonicMs - last.monotonicMs,
    };
  };
  const arm = (delayMs: number): void => {
    cancel();
    if (check !== undefined) cancel = clock.after(delayMs, check);
  };
  return {
    start({
      intervalMs,
      onCheck,
    }: {
      intervalMs: () => number;
      onCheck: (since: { isWake: boolean }) => void;
    }): void {
      last = read();
      check = () => {
        const isWake = hasSlept(elapsed());
        last = read();
        arm(intervalMs());
        onCheck({ isWake });
      };
      arm(intervalMs());
    },
    /**
     * Call when something else has woken the daemon up, as a request or a fetch does: the check goes along
     * with that, and needs no wake-up of its own.
     */
    tick(): void {
      if (elapsed().monotonicMs >= LOOK_SPACING_MS || hasSlept(elapsed())) check?.();
    },
    /** Checks when what happens to the files has settled: in the middle of an `rm -r` nothing may be put back. */
    soon: () => arm(LOOK_SETTLE_MS),
    stop(): void {
      check = undefined;
      cancel();
    },
  };
}

/**
 * Whether the machine slept, the process was stopped, or the clock was set. After each of these,
 * planned times and what was known of the world are out of date. Linux stops the monotonic clock during
 * sleep; macOS does not, and there the check is late instead.
 */
export function hasSlept({ wallMs, monotonicMs }: Elapsed): boolean {
  const jumped = Math.abs(wallMs - monotonicMs) > WAKE_GAP_MS;
  return jumped || monotonicMs > LOOK_INTERVAL_MS + WAKE_GAP_MS;
}
