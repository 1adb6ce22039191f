import { setTimeout as pause } from 'node:timers/promises';
import { BdError } from '../core/errors.ts';
import { CONNECT_TIMEOUT_MS, DAEMON_START_TIMEOUT_MS, HELD_TIMEOUT_MS } from '../core/limits.ts';
import { enterCriticalSection } from '../platform/critical-section.ts';
import { daemonLockPath, nameHolder, refuseLinks } from '../place/workspace-files.ts';
import { callFormerDaemon, connect, type Connected, type Connection } from './connect.ts';
import { spawnDaemon, type DaemonStart, type Spawned } from './spawn-daemon.ts';
import { forgetStartFailure, readStartFailure, rememberStartFailure } from './start-failure.ts';

export type Ensured =
  | Connected
  /** Sockets are not allowed here. */
  | { kind: 'forbidden'; reason: string }
  /** The daemon cannot start; `failed_before` was told to somebody else a moment ago. */
  | { kind: 'failed' | 'failed_before'; error: BdError };

export interface Patience {
  /** Since when the caller waits, by `performance.now()`. */
  sinceMs?: number;
  /** How long for a daemon that is on its way. */
  startTimeoutMs?: number;
  /** How long where somebody holds the workspace and takes no connection. */
  heldTimeoutMs?: number;
}

const PAUSE_MIN_MS = 10;
const PAUSE_MAX_MS = 250;

/** Daemons that one client starts when each is killed at once. */
const STARTS_MAX = 3;

/** After a start that met a held lock: a command without daemon needs a moment to end. */
const BUSY_PAUSE_MS = 100;

/**
 * Connects, and starts a daemon when nobody listens. Of many clients at once one starts it and the
 * others wait for its socket; should two start one, the daemons' own lock leaves one. Throws when
 * somebody holds the workspace whom nobody can talk to: there is no way around that one.
 */
export async function ensureDaemon(start: DaemonStart, patience: Patience = {}): Promise<Ensured> {
  const { sinceMs = performance.now() } = patience;
  const { startTimeoutMs = DAEMON_START_TIMEOUT_MS, heldTimeoutMs = HELD_TIMEOUT_MS } = patience;
  const waitedMs = (): number => performance.now() - sinceMs;
  let pauseMs = PAUSE_MIN_MS;
  let killed = 0;
  for (;;) {
    const timeoutMs = Math.min(CONNECT_TIMEOUT_MS, Math.max(1, heldTimeoutMs - waitedMs()));
    const connection = await connect(start.beadsDir, { timeoutMs });
    if (connection.kind === 'connected' || connection.kind === 'forbidden') return connection;
    const elected =
      connection.kind === 'absent' ? await elect(start, { startTimeoutMs }) : undefined;
    if (elected?.kind === 'ready' && waitedMs() < startTimeoutMs) continue;
    if (elected?.kind === 'killed') {
      killed += 1;
      if (killed === STARTS_MAX) return { kind: 'failed', error: elected.error };
      continue;
    }
    if (elected?.kind === 'failed' || elected?.kind === 'failed_before') return refuse(elected);
    if (elected?.kind === 'busy') pauseMs = Math.max(pauseMs, BUSY_PAUSE_MS);
    const isComing = elected?.kind === 'on_its_way' || elected?.kind === 'ready';
    const limitMs = isComing ? startTimeoutMs : heldTimeoutMs;
    if (waitedMs() >= limitMs) throw unreachable(start.beadsDir, connection, limitMs);
    await pause(pauseMs * (0.5 + Math.random()));
    pauseMs = Math.min(pauseMs * 1.5, PAUSE_MAX_MS);
  }
}

type Elected =
  | Spawned
  | { kind: 'failed_before'; error: BdError }
  /** Another client starts one. */
  | { kind: 'on_its_way' };

/** Starts a daemon, unless another client is at it, was just now, or found out that none can start. */
async function elect(
  start: DaemonStart,
  { startTimeoutMs }: { startTimeoutMs: number },
): Promise<Elected> {
  const { beadsDir } = start;
  refuseLinks(beadsDir);
  const section = await enterCriticalSection(`${daemonLockPath(beadsDir)}.start`, { waitMs: 0 });
  if (section.kind === 'taken') return { kind: 'on_its_way' };
  try {
    const connection = await connect(beadsDir);
    if (connection.kind === 'connected') {
      connection.socket.destroy();
      return { kind: 'ready' };
    }
    const before = readStartFailure(beadsDir);
    if (before !== undefined) return { kind: 'failed_before', error: before };
    await callFormerDaemon(beadsDir);
    const spawned = await spawnDaemon(start, { timeoutMs: startTimeoutMs });
    if (spawned.kind === 'failed') await rememberStartFailure(beadsDir, spawned.error);
    if (spawned.kind === 'ready') forgetStartFailure(beadsDir);
    return spawned;
  } finally {
    if (section.kind === 'entered') await section.leave();
  }
}

/** A daemon that found no place for a socket is nothing to tell: sockets are not allowed, that is all. */
function refuse(failed: { kind: 'failed' | 'failed_before'; error: BdError }): Ensured {
  const { error } = failed;
  return error.code === 'SOCKET_UNAVAILABLE'
    ? { kind: 'forbidden', reason: error.message }
    : failed;
}

function unreachable(beadsDir: string, connection: Connection, timeoutMs: number): BdError {
  const who = nameHolder(beadsDir);
  const why =
    connection.kind === 'unresponsive'
      ? `its daemon takes no connection: ${connection.reason}`
      : `${who} holds it and does not listen`;
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `no daemon for ${beadsDir} within ${timeoutMs / 1000} s: ${why}`,
    remedy: `Try again; if it stays like this, end ${who}: nothing that was acknowledged is lost.`,
  });
}
