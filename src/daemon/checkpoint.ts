import { STORE_REST_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Store } from '../store/store.ts';

/** Tidies the store up when nobody works with it. */
export interface Checkpoint {
  /** After a short quiet; called again, the quiet begins anew. */
  soon(): void;
  now(): void;
  stop(): void;
}

export function createCheckpoint({
  store,
  clock,
  log,
}: {
  store: Pick<Store, 'rest'>;
  clock: Clock;
  log: Log;
}): Checkpoint {
  let cancel = (): void => {};
  let isStopped = false;
  const now = (): void => {
    try {
      store.rest();
    } catch (error) {
      // Nothing is lost by it, and it is tried again.
      log.warn('the write-ahead log could not be emptied', { error });
    }
  };
  return {
    soon() {
      cancel();
      // The last connections end after that.
      if (!isStopped) cancel = clock.after(STORE_REST_MS, now);
    },
    now,
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
