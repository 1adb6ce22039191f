/** From the most to the least that is written. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What a long-running process records for people. */
export interface Log {
  info(message: string, details?: Record<string, unknown>): void;
  warn(message: string, details?: Record<string, unknown>): void;
  error(message: string, details?: Record<string, unknown>): void;
}

/** For a short command: its user sees results and errors, not a log. */
export const silentLog: Log = {
  info() {},
  warn() {},
  error() {},
};
