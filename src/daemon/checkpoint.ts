import { STORE_REST_MS, STORE_TIDY_PAUSE_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

export type Checkpoint = ReturnType<typeof createCheckpoint>;

/** Tidies the store up while no client works with it. */
export function createCheckpoint({
  tidy,
  release,
  clock,
  log,
}: {
  /** Returns whether there is more to do. */
  tidy: () => boolean;
  /** Gives up what is only of use while there is work; returns whether it was worth it, so that there may be more. */
  release: () => boolean;
  clock: Clock;
  log: Log;
}) {
  let cancel = (): void => {};
  let isStopped = false;
  const now = (): void => {
    try {
      if (tidy()) again(STORE_TIDY_PAUSE_MS);
      else if (release()) again(STORE_REST_MS);
    } catch (error) {
      // Nothing is lost, and the next checkpoint tries again.
      log.warn('the store could not be tidied up', { error });
    }
  };
  const again = (waitMs: number): void => {
    cancel();
    // The last connections end after the stop.
    if (!isStopped) cancel = clock.after(waitMs, now);
  };
  return {
    /** After a short quiet; each call restarts the wait. */
    soon: (): void => again(STORE_REST_MS),
    now,
    stop(): void {
      isStopped = true;
      cancel();
    },
  };
}
