import { BdError } from '../core/errors.ts';
import { CRASHES_MAX, CRASH_WINDOW_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import { readCrashReport, removeCrashReport, writeCrashReport } from '../client/crash-report.ts';
import { appendToLog } from '../platform/log-file.ts';
import { crashReportPath, daemonLogPath, readDaemonPid } from '../place/workspace-files.ts';

/** EX_SOFTWARE of sysexits.h. */
export const CRASH_EXIT_CODE = 70;

/** The last words of a daemon that met a fault of its own: in the log, and in a report for people. */
export function recordCrash(beadsDir: string, thrown: unknown, { nowMs }: { nowMs: number }): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const line = { level: 60, pid: process.pid, stack: error.stack ?? String(error) };
  const time = new Date(nowMs).toISOString();
  // The report holds the log's end: it is written first, or it would tell the same twice.
  attempt(() => writeCrashReport(beadsDir, error, { nowMs, version: VERSION }));
  attempt(() =>
    appendToLog(daemonLogPath(beadsDir), `${JSON.stringify({ ...line, time, msg: 'crashed' })}\n`),
  );
}

/** A daemon that dies again and again is no help: commands then go on without one for a while. */
export function refuseCrashLoop(beadsDir: string, { nowMs }: { nowMs: number }): void {
  const report = readCrashReport(beadsDir);
  if (report === undefined || report.crashes.length < CRASHES_MAX) return;
  // A clock that was set back must not make the while longer.
  const againMs = Date.parse(report.at) + CRASH_WINDOW_MS;
  if (!(nowMs < againMs && againMs - nowMs <= CRASH_WINDOW_MS)) return;
  const minutes = CRASH_WINDOW_MS / 60_000;
  throw new BdError('DAEMON_UNAVAILABLE', {
    message: `the daemon crashed ${report.crashes.length} times within ${minutes} minutes, and is not started before ${new Date(againMs).toISOString()}: ${report.message}`,
    remedy: `Commands work without it; ${crashReportPath(beadsDir)} says what happened, and once that file is removed the daemon starts again.`,
    details: { crash_loop: true, again_ms: againMs },
  });
}

/** The process that held the workspace before and neither ended nor told why; undefined when all is well. */
export function findSuddenEnd(beadsDir: string): number | undefined {
  const pid = readDaemonPid(beadsDir);
  return pid === readCrashReport(beadsDir)?.pid ? undefined : pid;
}

/** A daemon that has lived this long shows that the cause is gone; the log keeps the story. */
export function forgetCrashInTime(beadsDir: string, clock: Clock): () => void {
  if (readCrashReport(beadsDir) === undefined) return () => {};
  return clock.after(CRASH_WINDOW_MS, () => attempt(() => removeCrashReport(beadsDir)));
}

function attempt(write: () => void): void {
  try {
    write();
  } catch {
    // A full disk, or a workspace that is gone: the process ends all the same.
  }
}
