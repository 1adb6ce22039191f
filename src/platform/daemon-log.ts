import { chmodSync, renameSync, statSync } from 'node:fs';
import { LOG_BYTES_MAX } from '../core/limits.ts';
import type { Log } from './log.ts';

export interface DaemonLog extends Log {
  /** Writes what waits. */
  close(): Promise<void>;
}

type Level = 'info' | 'warn' | 'error';

type Writer = Record<Level, (details: object, message: string) => void>;

/**
 * JSON lines in `.beads/daemon.log`. The writer is loaded with the first line: no start waits for it,
 * and a daemon that says nothing holds nothing.
 */
export function createDaemonLog(path: string): DaemonLog {
  let loading: Promise<Writer> | undefined;
  const say = (level: Level, message: string, details: Record<string, unknown> = {}): void => {
    const atMs = Date.now();
    loading ??= openWriter(path);
    loading = loading.then((writer) => {
      writer[level]({ ...describe(details), time: new Date(atMs).toISOString() }, message);
      return writer;
    });
    // A log that cannot be written stops nothing; `close` does not throw either.
    loading.catch(() => {});
  };
  return {
    info: (message, details) => say('info', message, details),
    warn: (message, details) => say('warn', message, details),
    error: (message, details) => say('error', message, details),
    async close() {
      await loading?.catch(() => {});
    },
  };
}

/** One old log is kept. Only whoever holds the workspace's lock may call this. */
export function rotateLog(path: string): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES_MAX) {
    renameSync(path, `${path}.1`);
  }
}

async function openWriter(path: string): Promise<Writer> {
  const { default: pino } = await import('pino');
  // Synchronous: there are few lines, and those before a crash are the ones that matter.
  const destination = pino.destination({ dest: path, sync: true, append: true });
  chmodSync(path, 0o600);
  const logger = pino({ base: { pid: process.pid }, timestamp: false }, destination);
  return {
    info: (details, message) => logger.info(details, message),
    warn: (details, message) => logger.warn(details, message),
    error: (details, message) => logger.error(details, message),
  };
}

/** Errors have no own members that JSON would show. */
function describe(details: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : value,
    ]),
  );
}

function describeError({ stack, cause }: Error): object {
  return cause instanceof Error ? { stack, cause: describeError(cause) } : { stack };
}
