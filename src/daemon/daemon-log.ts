import { dirname } from 'node:path';
import { LOG_LEVELS, type Log, type LogLevel } from '../platform/log.ts';
import { appendToLog } from '../platform/log-file.ts';
import { createRepeatedLines } from './repeated-lines.ts';
import { watchIdentity } from '../platform/file-version.ts';

export interface DaemonLog extends Log {
  /** What is of use only to who looks for a fault. */
  debug(message: string, details?: Record<string, unknown>): void;
  /** Less important lines are left out from now on. */
  setLevel(level: LogLevel): void;
  /** Writes what waits. */
  close(): Promise<void>;
}

type Writer = Record<LogLevel, (details: object, message: string) => void>;

/**
 * JSON lines in `.beads/daemon.log`. The writer is loaded with the first line: no start waits for it,
 * and a daemon that says nothing holds nothing.
 */
export function createDaemonLog(path: string): DaemonLog {
  const repeated = createRepeatedLines();
  // A workspace that was moved away leaves its place to another one, whose log this is not.
  const isSameDirectory = watchIdentity(dirname(path));
  let loading: Promise<Writer> | undefined;
  let least: LogLevel = 'info';
  const say = (level: LogLevel, message: string, details: Record<string, unknown> = {}): void => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
    const atMs = Date.now();
    const described = describe(details);
    // That something works again is news each time.
    const isTrouble = level === 'warn' || level === 'error';
    const heldBack = !isTrouble ? 0 : repeated.count({ level, message, described }, atMs);
    if (heldBack === 'known') return;
    const line = {
      ...described,
      ...(heldBack > 0 ? { held_back: heldBack } : {}),
      time: new Date(atMs).toISOString(),
    };
    loading ??= openWriter((text) => {
      if (isSameDirectory()) appendToLog(path, text);
    });
    loading = loading.then((writer) => {
      writer[level](line, message);
      return writer;
    });
    // A log that cannot be written stops nothing; `close` does not throw either.
    loading.catch(() => {});
  };
  return {
    setLevel: (level) => void (least = level),
    debug: (message, details) => say('debug', message, details),
    info: (message, details) => say('info', message, details),
    warn: (message, details) => say('warn', message, details),
    error: (message, details) => say('error', message, details),
    async close() {
      await loading?.catch(() => {});
    },
  };
}

async function openWriter(append: (text: string) => void): Promise<Writer> {
  const { default: pino } = await import('pino');
  const write = (text: string): void => {
    try {
      append(text);
    } catch {
      // The next line may find room, or the file in its place again.
    }
  };
  // Synchronous: there are few lines, and those before a crash are the ones that matter.
  const logger = pino({ base: { pid: process.pid }, timestamp: false, level: 'debug' }, { write });
  return {
    debug: (details, message) => logger.debug(details, message),
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
