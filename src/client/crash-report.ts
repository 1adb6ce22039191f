import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {
  CRASH_LOG_LINES,
  CRASH_REPORT_BYTES_MAX,
  CRASH_TEXT_CHARS_MAX,
  CRASH_WINDOW_MS,
} from '../core/limits.ts';
import { readLogTail } from '../platform/log-file.ts';
import { crashReportPath, daemonLogPath } from '../place/workspace-files.ts';

/** How a daemon died of its own fault. Nothing of the environment is in it. */
export interface CrashReport {
  /** RFC 3339, as are those in `crashes`. */
  at: string;
  pid: number;
  version: string;
  node: string;
  message: string;
  stack: string;
  /** When daemons of this workspace crashed lately; this one is the last of them. */
  crashes: string[];
  /** The end of the log before it. */
  log: string[];
}

/** Takes the place of an older report, and of a link of that name. */
export function writeCrashReport(
  beadsDir: string,
  error: Error,
  { nowMs, version }: { nowMs: number; version: string },
): void {
  const path = crashReportPath(beadsDir);
  const at = new Date(nowMs).toISOString();
  const before = (readCrashReport(beadsDir)?.crashes ?? []).filter(
    (instant) => nowMs - Date.parse(instant) < CRASH_WINDOW_MS,
  );
  const report: CrashReport = {
    at,
    pid: process.pid,
    version,
    node: process.version,
    message: error.message.slice(0, CRASH_TEXT_CHARS_MAX),
    stack: (error.stack ?? String(error)).slice(0, CRASH_TEXT_CHARS_MAX),
    crashes: [...before, at],
    log: readLogTail(daemonLogPath(beadsDir), { bytesMax: CRASH_REPORT_BYTES_MAX / 4 }).slice(
      -CRASH_LOG_LINES,
    ),
  };
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(report, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  renameSync(temporary, path);
}

/** Undefined when there is none of ours: what a repository brings along is open to others. */
export function readCrashReport(beadsDir: string): CrashReport | undefined {
  try {
    const file = openSync(crashReportPath(beadsDir), constants.O_RDONLY | constants.O_NOFOLLOW);
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

export function removeCrashReport(beadsDir: string): void {
  rmSync(crashReportPath(beadsDir), { force: true });
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
