import { existsSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { BdError, toBdError } from '../core/errors.ts';
import { CONNECT_TIMEOUT_MS, PROCESS_START_TOLERANCE_MS, STOP_TIMEOUT_MS } from '../core/limits.ts';
import type { Environment } from '../platform/environment.ts';
import {
  endDaemonProcess,
  listDaemonProcesses,
  type DaemonProcess,
} from '../platform/daemon-process.ts';
import {
  daemonLockPath,
  daemonPidPath,
  readDaemonPid,
  refuseLinks,
} from '../place/workspace-files.ts';
import { connectTo } from './connect.ts';
import { findDaemons, isServedByOther, workspaceOf, type FleetMember } from './fleet.ts';
import { ask, unlessEnding } from './request.ts';

const PAUSE_MS = 50;

/**
 * Asks a daemon to end, and returns when it has written everything and let go of its workspace. With
 * `isForced` one that does not is ended by a signal, if it is proven to be this user's daemon.
 */
export async function stopDaemon(
  member: FleetMember,
  { isForced = false }: { isForced?: boolean } = {},
): Promise<void> {
  try {
    await askToEnd(member);
  } catch (error) {
    if (!isForced) throw error;
    await end(member, toBdError(error));
  }
}

export interface StopReport {
  stopped: boolean;
  pid?: number;
}

/** Returns when all daemons of the workspace have written everything and let go of it. */
export async function stopDaemonsOf(
  beadsDir: string,
  { env, isForced = false }: { env: Environment; isForced?: boolean },
): Promise<StopReport> {
  const running = await findDaemons(beadsDir, env);
  for (const member of running) await stopDaemon(member, { isForced });
  const [first] = running;
  if (first === undefined) return { stopped: false };
  return { stopped: true, ...(first.pid === undefined ? {} : { pid: first.pid }) };
}

async function askToEnd(member: FleetMember): Promise<void> {
  const { health, socketPath, answer, beadsDir } = member;
  if (socketPath === undefined || answer === undefined) throw unreachable(member);
  const connection = await connectTo(socketPath, { timeoutMs: CONNECT_TIMEOUT_MS });
  if (connection.kind === 'connected') {
    await unlessEnding(ask(connection.socket, 'shutdown'));
  } else if (connection.kind !== 'absent') {
    throw unreachable({ ...member, issue: connection.reason });
  }
  // The lock of a workspace that is gone, or another daemon's, tells nothing of this one.
  const hasEnded =
    health === 'orphan' || beadsDir === undefined
      ? await waitForSilence(socketPath)
      : await waitForLock(beadsDir, socketPath);
  if (!hasEnded) throw late(member);
}

async function waitForLock(beadsDir: string, socketPath: string): Promise<boolean> {
  if (!existsSync(beadsDir)) return true;
  refuseLinks(beadsDir);
  // SQLite takes a while to load: only who waits for a daemon pays for it.
  const { acquireKernelLock } = await import('../platform/kernel-lock.ts');
  const endMs = performance.now() + STOP_TIMEOUT_MS;
  while (performance.now() < endMs) {
    const lock = await acquireKernelLock(daemonLockPath(beadsDir), { waitMs: PAUSE_MS });
    lock?.release();
    // A command that came meanwhile may have started the next one, which has the lock by now.
    if (lock !== undefined || isServedByOther(beadsDir, socketPath)) return true;
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

async function end(member: FleetMember, cause: BdError): Promise<void> {
  const proven = proveProcess(member);
  if (proven === undefined) throw unproven(cause);
  if (!(await endDaemonProcess(proven))) throw late(member);
}

/**
 * The process, when all agree that it is the daemon that was found: the kernel, the workspace, and what
 * is recorded of it. One that began later than its record is another daemon.
 */
function proveProcess(member: FleetMember): DaemonProcess | undefined {
  const { beadsDir, pid } = member;
  const found = listDaemonProcesses().filter(
    (each) => each.beadsDir === beadsDir && (pid === undefined || each.pid === pid),
  );
  const [proven] = found;
  if (proven === undefined || found.length > 1) return undefined;
  const recordedMs = readRecordedMs(member, proven.pid);
  const isLater =
    recordedMs !== undefined && proven.startedMs > recordedMs + PROCESS_START_TOLERANCE_MS;
  return isLater ? undefined : proven;
}

function readRecordedMs({ beadsDir, registered }: FleetMember, pid: number): number | undefined {
  if (beadsDir !== undefined && readDaemonPid(beadsDir) === pid) {
    return statSync(daemonPidPath(beadsDir), { throwIfNoEntry: false })?.mtimeMs;
  }
  const atMs = registered?.pid === pid ? Date.parse(registered.started_at) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : atMs;
}

function unreachable(member: FleetMember): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${nameOf(member)} cannot be asked to end: ${member.issue ?? 'it does not answer'}`,
    remedy: 'Try again; if it stays like this, add --force: nothing that was acknowledged is lost.',
  });
}

function late(member: FleetMember): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${nameOf(member)} was asked to end, and did not within ${STOP_TIMEOUT_MS / 1000} s`,
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

function nameOf(member: FleetMember): string {
  const workspace = workspaceOf(member) || member.socketPath;
  return `the daemon of ${workspace}${member.pid === undefined ? '' : ` (process ${member.pid})`}`;
}
