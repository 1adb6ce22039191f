/** From the most to the least that is written. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** What the daemon tells the people who read `.beads/daemon.log`. */
export interface Log {
  info(message: string, details?: Record<string, unknown>): void;
  warn(message: string, details?: Record<string, unknown>): void;
  error(message: string, details?: Record<string, unknown>): void;
}

/** For commands without daemon: their user sees results and errors, not a log. */
export const silentLog: Log = {
  info() {},
  warn() {},
  error() {},
};
