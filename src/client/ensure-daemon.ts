import { setTimeout as pause } from 'node:timers/promises';
import { BdError } from '../core/errors.ts';
import {
  CONNECT_TIMEOUT_MS,
  DAEMON_START_TIMEOUT_MS,
  HELD_TIMEOUT_MS,
  SUCCESSION_WAIT_MS,
} from '../core/limits.ts';
import { enterCriticalSection } from '../platform/critical-section.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { forgetStartFailure, readStartFailure, rememberStartFailure } from './daemon-notes.ts';
import { callFormerDaemon, connect, type Connected, type ConnectOutcome } from './connect.ts';
import { spawnDaemon, type DaemonStart, type Spawned } from './spawn-daemon.ts';

export type Ensured =
  | Connected
  /** Sockets are not allowed here. */
  | { kind: 'forbidden'; reason: string }
  /** The daemon cannot start; `failed_before` was reported by another command a moment ago. */
  | { kind: 'failed' | 'failed_before'; error: BdError };

export interface StartTimeouts {
  /** When the caller began to wait, by `performance.now()`. */
  sinceMs?: number;
  /** A daemon was started since, and found the workspace's lock taken. */
  foundBusy?: boolean;
  /** For a daemon that is starting. */
  startTimeoutMs?: number;
  /** For a process that holds the workspace and accepts no connection. */
  heldTimeoutMs?: number;
}

export const PAUSE_MIN_MS = 10;
export const PAUSE_MAX_MS = 250;

/** On a busy machine a client may notice only after this that it is connected, however long it has waited before. */
const CONNECT_TIMEOUT_MIN_MS = 500;

/** How many daemons one client starts when each is killed at its start. */
const STARTS_MAX = 3;

/** After a start that found the lock taken: a command without a daemon takes a moment to end. */
const BUSY_PAUSE_MS = 100;

/**
 * Connects, and starts a daemon when nothing listens. Of many clients at once one starts it, and the others
 * wait for its socket; if two do, the workspace's lock leaves one daemon. Throws when a process holds the
 * workspace and cannot be reached: no command can work around that.
 */
export async function ensureDaemon(
  start: DaemonStart,
  timeouts: StartTimeouts = {},
): Promise<Ensured> {
  const { sinceMs = performance.now() } = timeouts;
  const { startTimeoutMs = DAEMON_START_TIMEOUT_MS, heldTimeoutMs = HELD_TIMEOUT_MS } = timeouts;
  const waitedMs = (): number => performance.now() - sinceMs;
  let pauseMs = PAUSE_MIN_MS;
  let killed = 0;
  let { foundBusy = false } = timeouts;
  for (;;) {
    const leftMs = Math.max(CONNECT_TIMEOUT_MIN_MS, heldTimeoutMs - waitedMs());
    const timeoutMs = Math.min(CONNECT_TIMEOUT_MS, leftMs);
    const connection = await connect(start.place, { timeoutMs });
    if (connection.kind === 'connected' || connection.kind === 'forbidden') return connection;
    // One that found the lock taken has waited for it: another would end after the caller's patience.
    const mayStart = !foundBusy || heldTimeoutMs - waitedMs() > SUCCESSION_WAIT_MS;
    const elected =
      connection.kind === 'absent' && mayStart ? await elect(start, { startTimeoutMs }) : undefined;
    if (elected?.kind === 'ready' && waitedMs() < startTimeoutMs) continue;
    if (elected?.kind === 'killed') {
      killed += 1;
      if (killed === STARTS_MAX) return { kind: 'failed', error: elected.error };
      continue;
    }
    if (elected?.kind === 'failed' || elected?.kind === 'failed_before') {
      const { code, message: reason } = elected.error;
      // Without a directory for its socket, a daemon is not allowed here: no failure to report.
      return code === 'SOCKET_UNAVAILABLE' ? { kind: 'forbidden', reason } : elected;
    }
    if (elected?.kind === 'busy') {
      foundBusy = true;
      pauseMs = Math.max(pauseMs, BUSY_PAUSE_MS);
    }
    const isStarting = elected?.kind === 'starting' || elected?.kind === 'ready';
    const limitMs = isStarting ? startTimeoutMs : heldTimeoutMs;
    if (waitedMs() >= limitMs) throw unreachable(start.place, connection, limitMs);
    await pause(pauseMs * (0.5 + Math.random()));
    pauseMs = Math.min(pauseMs * 1.5, PAUSE_MAX_MS);
  }
}

type Elected =
  | Spawned
  | { kind: 'failed_before'; error: BdError }
  /** Another client starts one. */
  | { kind: 'starting' };

/** Starts a daemon, unless another client is starting one, just has, or found that none can start. */
async function elect(
  start: DaemonStart,
  { startTimeoutMs }: { startTimeoutMs: number },
): Promise<Elected> {
  const { place } = start;
  place.refuseLinks();
  const section = await enterCriticalSection(place.startLockFile, { waitMs: 0 });
  if (section.kind === 'taken') return { kind: 'starting' };
  try {
    const connection = await connect(place);
    if (connection.kind === 'connected') {
      connection.socket.destroy();
      return { kind: 'ready' };
    }
    const before = readStartFailure(place);
    if (before !== undefined) return { kind: 'failed_before', error: before };
    await callFormerDaemon(place);
    const spawned = await spawnDaemon(start, { timeoutMs: startTimeoutMs });
    if (spawned.kind === 'failed') await rememberStartFailure(place, spawned.error);
    if (spawned.kind === 'ready') forgetStartFailure(place);
    return spawned;
  } finally {
    if (section.kind === 'entered') await section.leave();
  }
}

function unreachable(
  place: WorkspacePlace,
  connection: ConnectOutcome,
  timeoutMs: number,
): BdError {
  const who = place.nameHolder();
  const why =
    connection.kind === 'unresponsive'
      ? `its daemon accepts no connection: ${connection.reason}`
      : `${who} holds it and does not listen`;
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `no daemon for ${place.beadsDir} within ${timeoutMs / 1000} s: ${why}`,
    remedy: `Try again; if it stays like this, end ${who}: nothing that was acknowledged is lost.`,
  });
}
