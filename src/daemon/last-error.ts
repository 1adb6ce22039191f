import { timestampAt } from '../core/timestamp.ts';
import type { Clock } from '../platform/clock.ts';
import type { DaemonLog } from './daemon-log.ts';

/** What went wrong last, for `bd daemon status`. */
export interface LastError {
  at: string;
  message: string;
}

export type AttentiveLog = DaemonLog & { lastError(): LastError | undefined };

/** The log, which also knows the last warning or error that was written to it. */
export function rememberLastError(log: DaemonLog, clock: Clock): AttentiveLog {
  let last: LastError | undefined;
  const remember = (message: string): void => {
    last = { at: timestampAt(clock.nowMs()), message };
  };
  return {
    ...log,
    warn(message, details) {
      remember(message);
      log.warn(message, details);
    },
    error(message, details) {
      remember(message);
      log.error(message, details);
    },
    lastError: () => last,
  };
}
