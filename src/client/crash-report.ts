import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import {
  CRASH_LOG_LINES,
  CRASH_REPORT_BYTES_MAX,
  CRASH_TEXT_CHARS_MAX,
  CRASH_WINDOW_MS,
} from '../core/limits.ts';
import { readLogTail } from '../platform/log-file.ts';
import { readableStack } from '../platform/source-stack.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';

/** How a daemon crashed. Contains nothing of the environment. */
export interface CrashReport {
  /** RFC 3339, as are those in `crashes`. */
  at: string;
  pid: number;
  version: string;
  node: string;
  message: string;
  stack: string;
  /** The recent crashes of this workspace's daemons, this one last. */
  crashes: string[];
  /** The end of the log before it. */
  log: string[];
}

/** Replaces an older report, and a link of that name. */
export function writeCrashReport(
  place: WorkspacePlace,
  error: Error,
  { nowMs, version }: { nowMs: number; version: string },
): void {
  const at = new Date(nowMs).toISOString();
  const before = (readCrashReport(place)?.crashes ?? []).filter(
    (instant) => nowMs - Date.parse(instant) < CRASH_WINDOW_MS,
  );
  const report: CrashReport = {
    at,
    pid: process.pid,
    version,
    node: process.version,
    message: error.message.slice(0, CRASH_TEXT_CHARS_MAX),
    stack: readableStack(error).slice(0, CRASH_TEXT_CHARS_MAX),
    crashes: [...before, at],
    log: readLogTail(place.logFile, { bytesMax: CRASH_REPORT_BYTES_MAX / 4 }).slice(
      -CRASH_LOG_LINES,
    ),
  };
  const temporary = `${place.crashFile}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(report, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  renameSync(temporary, place.crashFile);
}

/** Undefined without a report of ours: git checks a file out with a mode that lets others read it. */
export function readCrashReport({ crashFile }: WorkspacePlace): CrashReport | undefined {
  try {
    const file = openSync(crashFile, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const status = fstatSync(file);
      const isOurs = status.isFile() && (status.mode & 0o077) === 0;
      if (!isOurs || status.size > CRASH_REPORT_BYTES_MAX) return undefined;
      const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
      return isReport(value) ? value : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

function isReport(value: unknown): value is CrashReport {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, crashes, log, ...texts } = value as Record<string, unknown>;
  return (
    typeof pid === 'number' &&
    [crashes, log].every((list) => Array.isArray(list) && list.every(isText)) &&
    ['at', 'version', 'node', 'message', 'stack'].every((name) => isText(texts[name]))
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
