import { dirname } from 'node:path';
import { LOG_CAUSES_MAX, LOG_REPEAT_INTERVAL_MS } from '../core/limits.ts';
import { timestampAt } from '../core/timestamp.ts';
import { watchIdentity } from '../platform/file-version.ts';
import { readableStack } from '../platform/source-stack.ts';
import { LOG_LEVELS, type Log, type LogLevel } from '../platform/log.ts';
import { appendToLog } from '../platform/log-file.ts';

export interface DaemonLog extends Log {
  /** Details that only help to find a fault. */
  debug(message: string, details?: Record<string, unknown>): void;
  /** Drops lines below this level, which is asked at each line. */
  setLevel(level: () => LogLevel): void;
  /** The last warning or error, for `bd daemon status`; also one that was not written again. */
  lastError(): { at: string; message: string } | undefined;
}

/** How other tools that read such lines number the levels. */
const LEVEL_NUMBERS: Readonly<Record<LogLevel, number>> = {
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
};

/** JSON lines in `.beads/daemon.log`, each written at once: those just before a crash matter most. */
export function createDaemonLog(path: string): DaemonLog {
  const repeated = createRepeatedLines();
  // After a workspace was moved away, another one may be at its path, with a log of its own.
  const isSameDirectory = watchIdentity(dirname(path));
  let least = (): LogLevel => 'info';
  let lastError: ReturnType<DaemonLog['lastError']>;
  const say = (level: LogLevel, message: string, details: Record<string, unknown> = {}): void => {
    const atMs = Date.now();
    const isTrouble = level === 'warn' || level === 'error';
    if (isTrouble) lastError = { at: timestampAt(atMs), message };
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least())) return;
    const described = describe(details);
    // Only trouble is held back: that something works again is always news.
    const heldBack = !isTrouble ? 0 : repeated.count({ level, message, described }, atMs);
    if (heldBack === 'known') return;
    const line = {
      level: LEVEL_NUMBERS[level],
      pid: process.pid,
      ...described,
      ...(heldBack > 0 ? { held_back: heldBack } : {}),
      time: timestampAt(atMs),
      msg: message,
    };
    try {
      if (isSameDirectory()) appendToLog(path, `${JSON.stringify(line)}\n`);
    } catch {
      // The daemon goes on without this line; the disk may have room for the next one.
    }
  };
  return {
    setLevel: (level) => void (least = level),
    debug: (message, details) => say('debug', message, details),
    info: (message, details) => say('info', message, details),
    warn: (message, details) => say('warn', message, details),
    error: (message, details) => say('error', message, details),
    lastError: () => lastError,
  };
}

/** JSON shows no member of an Error. */
function describe(details: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      value instanceof Error ? describeError(value) : value,
    ]),
  );
}

function describeError(error: Error): object {
  const [stack, { cause }] = [readableStack(error), error];
  return cause instanceof Error ? { stack, cause: describeError(cause) } : { stack };
}

/** Suppresses a line that repeats within `LOG_REPEAT_INTERVAL_MS`. */
export function createRepeatedLines() {
  const seen = new Map<string, { sinceMs: number; heldBack: number }>();
  return {
    /** `known` for a line to suppress; otherwise how many of its kind were suppressed before. */
    count(line: object, nowMs: number): number | 'known' {
      const key = JSON.stringify(line);
      const before = seen.get(key);
      if (before !== undefined && nowMs - before.sinceMs < LOG_REPEAT_INTERVAL_MS) {
        before.heldBack += 1;
        return 'known';
      }
      seen.delete(key);
      const [oldest] = seen.keys();
      if (seen.size >= LOG_CAUSES_MAX && oldest !== undefined) seen.delete(oldest);
      seen.set(key, { sinceMs: nowMs, heldBack: 0 });
      return before?.heldBack ?? 0;
    },
  };
}
