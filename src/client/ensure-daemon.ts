import { setTimeout as pause } from 'node:timers/promises';
import { BdError } from '../core/errors.ts';
import { DAEMON_START_TIMEOUT_MS } from '../core/limits.ts';
import { enterCriticalSection } from '../platform/critical-section.ts';
import { daemonLockPath, readDaemonPid, refuseLinks } from '../platform/workspace-files.ts';
import { callFormerDaemon, connect, type Connected, type Connection } from './connect.ts';
import { spawnDaemon, type DaemonStart, type Spawned } from './spawn-daemon.ts';

export type Ensured = Connected | { kind: 'forbidden'; reason: string };

const PAUSE_MIN_MS = 10;
const PAUSE_MAX_MS = 250;

/** After a start that met a held lock: a command without daemon needs a moment to end. */
const BUSY_PAUSE_MS = 100;

/**
 * Connects, and starts a daemon when nobody listens. Of many clients at once one starts it and the
 * others wait for its socket; should two start one, the daemons' own lock leaves one. Throws the
 * true cause when none can be had.
 */
export async function ensureDaemon(
  start: DaemonStart,
  { timeoutMs = DAEMON_START_TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<Ensured> {
  const endMs = performance.now() + timeoutMs;
  let pauseMs = PAUSE_MIN_MS;
  for (;;) {
    const connection = await connect(start.beadsDir);
    if (connection.kind === 'connected' || connection.kind === 'forbidden') return connection;
    if (performance.now() >= endMs) throw unreachable(start.beadsDir, connection, timeoutMs);
    if (connection.kind === 'absent') {
      const spawned = await elect(start, { timeoutMs });
      if (spawned?.kind === 'failed') return refuse(spawned.error);
      if (spawned?.kind === 'ready') continue;
      if (spawned?.kind === 'busy') pauseMs = Math.max(pauseMs, BUSY_PAUSE_MS);
    }
    await pause(pauseMs * (0.5 + Math.random()));
    pauseMs = Math.min(pauseMs * 1.5, PAUSE_MAX_MS);
  }
}

/** Starts a daemon unless another client is at it; undefined when one is, or was just now. */
async function elect(
  start: DaemonStart,
  { timeoutMs }: { timeoutMs: number },
): Promise<Spawned | undefined> {
  refuseLinks(start.beadsDir);
  const section = await enterCriticalSection(`${daemonLockPath(start.beadsDir)}.start`, {
    waitMs: 0,
  });
  if (section.kind === 'taken') return undefined;
  try {
    const connection = await connect(start.beadsDir);
    if (connection.kind === 'connected') {
      connection.socket.destroy();
      return { kind: 'ready' };
    }
    await callFormerDaemon(start.beadsDir);
    return await spawnDaemon(start, { timeoutMs });
  } finally {
    if (section.kind === 'entered') await section.leave();
  }
}

/** A daemon that found no place for a socket: the command can still be done without one. */
function refuse(error: BdError): Ensured {
  if (error.details['noSocket'] === true) return { kind: 'forbidden', reason: error.message };
  throw error;
}

function unreachable(beadsDir: string, connection: Connection, timeoutMs: number): BdError {
  const pid = readDaemonPid(beadsDir);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  const why =
    connection.kind === 'unresponsive'
      ? `its daemon takes no connection: ${connection.reason}`
      : `${who} holds it and does not listen`;
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `no daemon for ${beadsDir} within ${timeoutMs / 1000} s: ${why}`,
    remedy: `Try again; if it stays like this, end ${who}: nothing that was acknowledged is lost.`,
  });
}
