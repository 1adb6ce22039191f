import type { Socket } from 'node:net';
import { daemonRefusedBy } from '../client/client-environment.ts';
import { connect } from '../client/connect.ts';
import { forgetStartFailure, readDaemonOff, readStartFailure } from '../client/daemon-notes.ts';
import { ensureDaemon, type Ensured, type StartTimeouts } from '../client/ensure-daemon.ts';
import { ask } from '../client/request.ts';
import type { DaemonStart } from '../client/spawn-daemon.ts';
import { BdError } from '../core/errors.ts';
import { timestampAt } from '../core/timestamp.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Environment } from '../platform/environment.ts';
import { isNetworkFileSystem } from '../platform/file-system.ts';
import { foreignOwner } from '../platform/owner.ts';

/** Finds or starts the daemon for a command; `refused` where it runs without one. */
export async function reachDaemon(
  start: DaemonStart,
  timeouts: StartTimeouts,
): Promise<Ensured | { kind: 'refused' }> {
  const refusal = await findDaemonRefusal(start.place, start.env);
  return refusal === undefined ? await ensureDaemon(start, timeouts) : { kind: 'refused' };
}

/** Starts one because the user asked for it. */
export async function startDaemon(start: DaemonStart) {
  const before = await connect(start.place);
  const alreadyRunning = before.kind === 'connected';
  // The user may have fixed what kept it from starting.
  forgetStartFailure(start.place);
  const socket = alreadyRunning ? before.socket : await connectOrStart(start);
  const { pid, version } = await ask(socket, 'daemon_status');
  return { pid, version, alreadyRunning };
}

/** For `bd mcp`, which needs a daemon. */
export async function requireDaemon(start: DaemonStart): Promise<Socket> {
  const off = refusedBySwitch(start.place);
  if (off !== undefined) throw noDaemon(off);
  return await connectOrStart(start);
}

async function connectOrStart(start: DaemonStart): Promise<Socket> {
  const refusal = refusedByPlace(start.place);
  if (refusal !== undefined) throw noDaemon(refusal);
  const ensured = await ensureDaemon(start);
  if (ensured.kind === 'connected') return ensured.socket;
  if (ensured.kind !== 'forbidden') throw ensured.error;
  throw new BdError('DAEMON_UNAVAILABLE', {
    message: `cannot reach a daemon from here: ${ensured.reason}`,
    remedy: 'Allow local sockets, or work without a daemon: BEADS_NO_DAEMON=1.',
  });
}

/** Why no daemon starts for a workspace, and what would change that. */
interface DaemonRefusal {
  reason: string;
  remedy: string;
}

/** Why a command starts none on its own. */
export async function findDaemonRefusal(
  place: WorkspacePlace,
  env: Environment,
): Promise<DaemonRefusal | undefined> {
  const variable = daemonRefusedBy(env);
  if (variable !== undefined) {
    return { reason: `${variable} is set`, remedy: 'Unset it, or run `bd daemon start`.' };
  }
  return (
    refusedBySwitch(place) ??
    refusedByPlace(place) ??
    (await refusedBySetting(place, env)) ??
    refusedByFailure(place)
  );
}

/** A daemon would do harm here, even if the user asks for it. */
function refusedByPlace({ beadsDir }: WorkspacePlace): DaemonRefusal | undefined {
  const owner = foreignOwner(beadsDir);
  if (owner !== undefined) {
    return {
      reason: `${beadsDir} belongs to another user (number ${owner})`,
      remedy: 'Commands work without a daemon; as that user they would start one.',
    };
  }
  if (!isNetworkFileSystem(beadsDir)) return undefined;
  return {
    reason: `${beadsDir} is on a network file system, where two machines could each start one`,
    remedy: 'Commands work without a daemon; on a local disk they would start one.',
  };
}

function refusedBySwitch(place: WorkspacePlace): DaemonRefusal | undefined {
  const off = readDaemonOff(place);
  if (off === undefined) return undefined;
  const reason =
    off.untilMs === undefined
      ? 'it is switched off here'
      : `it is held off here until ${timestampAt(off.untilMs)}`;
  return { reason, remedy: 'Run `bd daemon on` to let it start again.' };
}

async function refusedBySetting(
  place: WorkspacePlace,
  env: Environment,
): Promise<DaemonRefusal | undefined> {
  const { readConfig } = await import('../workspace/config/config.ts');
  // Commands that use the file report that it cannot be read.
  const config = await readConfig(place, env).catch(() => undefined);
  if (config === undefined || config.truth('daemon.auto_start')) return undefined;
  return {
    reason: 'daemon.auto_start is false',
    remedy: 'Run `bd daemon start`, or `bd config set daemon.auto_start true`.',
  };
}

function refusedByFailure(place: WorkspacePlace): DaemonRefusal | undefined {
  const failure = readStartFailure(place);
  if (failure === undefined) return undefined;
  return { reason: `it did not start a moment ago: ${failure.message}`, remedy: failure.remedy };
}

function noDaemon({ reason, remedy }: DaemonRefusal): BdError {
  return new BdError('DAEMON_UNAVAILABLE', { message: `no daemon is started: ${reason}`, remedy });
}
