import { daemonRefusedBy } from '../client/client-environment.ts';
import { readDaemonOff } from '../client/daemon-off.ts';
import { readStartFailure } from '../client/start-failure.ts';
import { BdError } from '../core/errors.ts';
import { timestampAt } from '../core/timestamp.ts';
import type { Environment } from '../platform/environment.ts';
import { isNetworkFileSystem } from '../platform/file-system.ts';
import { foreignOwner } from '../platform/owner.ts';
import { WorkspacePlace } from '../place/workspace-place.ts';

/** Why no daemon is started for a workspace, and what would change that. */
export interface DaemonRefusal {
  reason: string;
  remedy: string;
}

/** Where a daemon would do harm, whoever asks for it. */
export function refusedByPlace(beadsDir: string): DaemonRefusal | undefined {
  const owner = foreignOwner(beadsDir);
  if (owner !== undefined) {
    return {
      reason: `${beadsDir} belongs to another user (number ${owner})`,
      remedy: 'Commands do their work without a daemon; as that user they would start one.',
    };
  }
  if (!isNetworkFileSystem(beadsDir)) return undefined;
  return {
    reason: `${beadsDir} is on a network file system, where two machines could each start one`,
    remedy: 'Commands do their work without a daemon; on a local disk they would start one.',
  };
}

/** Somebody switched it off here. */
export function refusedBySwitch(beadsDir: string): DaemonRefusal | undefined {
  const off = readDaemonOff(beadsDir);
  if (off === undefined) return undefined;
  const reason =
    off.untilMs === undefined
      ? 'it is switched off here'
      : `it is held off here until ${timestampAt(off.untilMs)}`;
  return { reason, remedy: 'Run `bd daemon on` to let it start again.' };
}

/** Why a command starts none by itself. */
export async function findDaemonRefusal(
  beadsDir: string,
  { env }: { env: Environment },
): Promise<DaemonRefusal | undefined> {
  const variable = daemonRefusedBy(env);
  if (variable !== undefined) {
    return { reason: `${variable} is set`, remedy: 'Unset it, or run `bd daemon start`.' };
  }
  return (
    refusedBySwitch(beadsDir) ??
    refusedByPlace(beadsDir) ??
    (await refusedBySetting(beadsDir, { env })) ??
    refusedByFailure(beadsDir)
  );
}

async function refusedBySetting(
  beadsDir: string,
  { env }: { env: Environment },
): Promise<DaemonRefusal | undefined> {
  const { readConfig } = await import('../workspace/config/config.ts');
  // What cannot be read shows where it is used.
  const config = await readConfig(new WorkspacePlace(beadsDir), { env }).catch(() => undefined);
  if (config === undefined || config.truth('daemon.auto_start')) return undefined;
  return {
    reason: 'daemon.auto_start is false',
    remedy: 'Run `bd daemon start`, or `bd config set daemon.auto_start true`.',
  };
}

function refusedByFailure(beadsDir: string): DaemonRefusal | undefined {
  const failure = readStartFailure(beadsDir);
  if (failure === undefined) return undefined;
  return { reason: `it did not start a moment ago: ${failure.message}`, remedy: failure.remedy };
}

/** For whoever cannot do without one. */
export function noDaemon({ reason, remedy }: DaemonRefusal): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `no daemon is started: ${reason}`,
    remedy,
  });
}
