import { BdError } from '../core/errors.ts';
import { DAEMON_EVENTS_MAX } from '../core/limits.ts';

export interface EventQueue<E> {
  /** Throws `LIMIT_EXCEEDED` when nobody takes events any more. */
  post(event: E): void;
  /** All that wait, in order; waits for one. One taker at a time. */
  take(): Promise<E[]>;
}

export function createEventQueue<E>({ max = DAEMON_EVENTS_MAX } = {}): EventQueue<E> {
  let waiting: E[] = [];
  let wake: (() => void) | undefined;
  return {
    post(event) {
      if (waiting.length >= max) {
        throw new BdError('LIMIT_EXCEEDED', {
          message: `${max} events wait in the daemon`,
          remedy: 'Stop the daemon with `bd daemon stop`; the next command starts a fresh one.',
        });
      }
      waiting.push(event);
      wake?.();
    },
    async take() {
      if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      wake = undefined;
      const batch = waiting;
      waiting = [];
      return batch;
    },
  };
}
