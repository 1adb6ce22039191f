import { STORE_REST_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

export type Checkpoint = ReturnType<typeof createCheckpoint>;

/** Tidies the store up while no client works with it. */
export function createCheckpoint({
  tidy,
  clock,
  log,
}: {
  tidy: () => void;
  clock: Clock;
  log: Log;
}) {
  let cancel = (): void => {};
  let isStopped = false;
  const now = (): void => {
    try {
      tidy();
    } catch (error) {
      // Nothing is lost, and the next checkpoint tries again.
      log.warn('the write-ahead log could not be emptied', { error });
    }
  };
  return {
    /** After a short quiet; each call restarts the wait. */
    soon(): void {
      cancel();
      // The last connections end after the stop.
      if (!isStopped) cancel = clock.after(STORE_REST_MS, now);
    },
    now,
    stop(): void {
      isStopped = true;
      cancel();
    },
  };
}
