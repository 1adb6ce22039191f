import { rmSync } from 'node:fs';
import { BdError } from '../core/errors.ts';
import { CRASHES_MAX, CRASH_WINDOW_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import type { Clock } from '../platform/clock.ts';
import { readCrashReport, writeCrashReport } from '../client/crash-report.ts';
import { appendToLog } from '../platform/log-file.ts';
import { readableStack } from '../platform/source-stack.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';

/** EX_SOFTWARE of sysexits.h. */
export const CRASH_EXIT_CODE = 70;

/** Records why the daemon crashed: in the log, and in a report for people. */
export function recordCrash(
  place: WorkspacePlace,
  thrown: unknown,
  { nowMs }: { nowMs: number },
): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const line = { level: 60, pid: process.pid, stack: readableStack(error) };
  const time = new Date(nowMs).toISOString();
  // The report quotes the end of the log, so write it first: otherwise it would quote this crash.
  attempt(() => writeCrashReport(place, error, { nowMs, version: VERSION }));
  attempt(() =>
    appendToLog(place.logFile, `${JSON.stringify({ ...line, time, msg: 'crashed' })}\n`),
  );
}

/** Throws when the daemon crashed too often lately: commands then run without one for a while. */
export function refuseCrashLoop(place: WorkspacePlace, { nowMs }: { nowMs: number }): void {
  const report = readCrashReport(place);
  if (report === undefined || report.crashes.length < CRASHES_MAX) return;
  // A clock that was set back must not prolong the wait.
  const againMs = Date.parse(report.at) + CRASH_WINDOW_MS;
  if (!(nowMs < againMs && againMs - nowMs <= CRASH_WINDOW_MS)) return;
  const minutes = CRASH_WINDOW_MS / 60_000;
  throw new BdError('DAEMON_UNAVAILABLE', {
    message: `the daemon crashed ${report.crashes.length} times within ${minutes} minutes, and is not started before ${new Date(againMs).toISOString()}: ${report.message}`,
    remedy: `Commands work without it; ${place.crashFile} says what happened, and once that file is removed the daemon starts again.`,
    details: { crash_loop: true, again_ms: againMs },
  });
}

/** The pid of a previous daemon that ended without cleaning up or reporting a crash. */
export function findSuddenEnd(place: WorkspacePlace): number | undefined {
  const pid = place.readPid();
  return pid === readCrashReport(place)?.pid ? undefined : pid;
}

/** Removes the crash report once the daemon has run long enough; the log keeps the details. */
export function forgetCrashInTime(place: WorkspacePlace, clock: Clock): () => void {
  if (readCrashReport(place) === undefined) return () => {};
  return clock.after(CRASH_WINDOW_MS, () =>
    attempt(() => rmSync(place.crashFile, { force: true })),
  );
}

function attempt(write: () => void): void {
  try {
    write();
  } catch {
    // The disk is full or the workspace is gone; the process ends anyway.
  }
}
