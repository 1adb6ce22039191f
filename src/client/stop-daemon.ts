import { existsSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { BdError, toBdError } from '../core/errors.ts';
import { CONNECT_TIMEOUT_MS, PROCESS_START_TOLERANCE_MS, STOP_TIMEOUT_MS } from '../core/limits.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Environment } from '../platform/environment.ts';
import { endProcess } from '../platform/own-process.ts';
import { connect, connectTo } from './connect.ts';
import { isServedByOther, workspaceOf, type DaemonHealth } from './daemon-health.ts';
import { findDaemons } from './fleet.ts';
import { ask, unlessEnding } from './request.ts';
import { listDaemonProcesses, type DaemonProcess } from './spawn-daemon.ts';

const PAUSE_MS = 50;

/**
 * Asks a daemon to end, and returns when it has written everything and released its workspace. With
 * `isForced`, one that does not end gets a signal, if its process is proven to be this user's daemon.
 */
export async function stopDaemon(
  daemon: DaemonHealth,
  { isForced = false }: { isForced?: boolean } = {},
): Promise<void> {
  try {
    await askToEnd(daemon);
  } catch (error) {
    if (!isForced) throw error;
    await end(daemon, toBdError(error));
  }
}

/** Returns when all daemons of the workspace have written everything and released it. */
export async function stopDaemonsOf(
  place: WorkspacePlace,
  { env, isForced = false }: { env: Environment; isForced?: boolean },
) {
  const running = await findDaemons(place, env);
  for (const daemon of running) await stopDaemon(daemon, { isForced });
  const [first] = running;
  return { stopped: first !== undefined, pid: first?.pid };
}

/** Tells the daemon, if any, to make way for the next one; it may still finish requests. */
export async function retireDaemon(place: WorkspacePlace) {
  const asked = await connect(place);
  if (asked.kind === 'absent') return undefined;
  if (asked.kind !== 'connected') throw unreachableHere(place, asked.reason);
  const found = await unlessEnding(ask(asked.socket, 'hello'));
  if (found === undefined) return undefined;
  const again = await connect(place);
  if (again.kind === 'connected') {
    await unlessEnding(ask(again.socket, 'retire', { params: { reason: 'a reload' } }));
  }
  return { pid: found.pid, version: found.version };
}

async function askToEnd(daemon: DaemonHealth): Promise<void> {
  const { state, socketPath, answer, place } = daemon;
  if (socketPath === undefined || answer === undefined) throw unreachable(daemon);
  const connection = await connectTo(socketPath, { timeoutMs: CONNECT_TIMEOUT_MS });
  if (connection.kind === 'connected') {
    await unlessEnding(ask(connection.socket, 'shutdown'));
  } else if (connection.kind !== 'absent') {
    throw unreachable({ ...daemon, issue: connection.reason });
  }
  // An orphan does not hold the lock: its workspace is gone, or another daemon holds it.
  const hasEnded =
    state === 'orphan' || place === undefined
      ? await waitForSilence(socketPath)
      : await waitForLock(place, socketPath);
  if (!hasEnded) throw late(daemon);
}

async function waitForLock(place: WorkspacePlace, socketPath: string): Promise<boolean> {
  if (!existsSync(place.beadsDir)) return true;
  place.refuseLinks();
  // Loads SQLite, which takes a while, so only to wait for a daemon.
  const { acquireKernelLock } = await import('../platform/kernel-lock.ts');
  const endMs = performance.now() + STOP_TIMEOUT_MS;
  while (performance.now() < endMs) {
    const lock = await acquireKernelLock(place.lockFile, { waitMs: PAUSE_MS });
    lock?.release();
    // If a command has started the next daemon already, that one holds the lock.
    if (lock !== undefined || isServedByOther(place, socketPath)) return true;
  }
  return false;
}

async function waitForSilence(socketPath: string): Promise<boolean> {
  const endMs = performance.now() + STOP_TIMEOUT_MS;
  while (performance.now() < endMs) {
    const connection = await connectTo(socketPath, { timeoutMs: CONNECT_TIMEOUT_MS });
    if (connection.kind === 'absent') return true;
    if (connection.kind === 'connected') connection.socket.destroy();
    await pause(PAUSE_MS);
  }
  return false;
}

async function end(daemon: DaemonHealth, cause: BdError): Promise<void> {
  const proven = findProcess(daemon);
  if (proven === undefined) throw unproven(cause);
  if (!(await endProcess(proven))) throw late(daemon);
}

/**
 * The process, if the kernel, the workspace and the records agree that it is this daemon. One that started
 * later than its record says is another daemon.
 */
function findProcess(daemon: DaemonHealth): DaemonProcess | undefined {
  const { place, pid } = daemon;
  const found = listDaemonProcesses().filter(
    (each) => each.beadsDir === place?.beadsDir && (pid === undefined || each.pid === pid),
  );
  const [proven] = found;
  if (proven === undefined || found.length > 1) return undefined;
  const recordedMs = readRecordedMs(daemon, proven.pid);
  const isLater =
    recordedMs !== undefined && proven.startedMs > recordedMs + PROCESS_START_TOLERANCE_MS;
  return isLater ? undefined : proven;
}

function readRecordedMs({ place, registered }: DaemonHealth, pid: number): number | undefined {
  if (place?.readPid() === pid) {
    return statSync(place.pidFile, { throwIfNoEntry: false })?.mtimeMs;
  }
  const atMs = registered?.pid === pid ? Date.parse(registered.started_at) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : atMs;
}

function unreachableHere(place: WorkspacePlace, reason: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `cannot reach the daemon: ${reason}`,
    remedy: `Try again; if it stays like this, end its process: ${place.pidFile} has its number.`,
  });
}

function unreachable(daemon: DaemonHealth): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${nameOf(daemon)} cannot be stopped: ${daemon.issue ?? 'it does not answer'}`,
    remedy: 'Try again; if it stays like this, add --force: nothing that was acknowledged is lost.',
  });
}

function late(daemon: DaemonHealth): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${nameOf(daemon)} was asked to end, and did not within ${STOP_TIMEOUT_MS / 1000} s`,
    remedy: 'Wait a moment and look with `bd daemons list`, or add --force.',
  });
}

function unproven(cause: BdError): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${cause.message}; and no process here is proven to be that daemon, so none was signalled`,
    remedy: 'Look for it with `ps`, and end it yourself if it is one of yours.',
    cause,
  });
}

function nameOf(daemon: DaemonHealth): string {
  const workspace = workspaceOf(daemon) || daemon.socketPath;
  return `the daemon of ${workspace}${daemon.pid === undefined ? '' : ` (process ${daemon.pid})`}`;
}
