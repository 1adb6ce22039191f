import { statusFrom, type DaemonStatus } from '../client/daemon-status.ts';
import type { Probe } from '../client/probe-daemon.ts';
import type { Environment } from '../platform/environment.ts';
import { findDaemonRefusal } from './daemon-refusal.ts';

/** How the daemon of a workspace is, and where none runs, why no command would start one. */
export async function describeDaemon(
  beadsDir: string,
  probe: Probe,
  { env }: { env: Environment },
): Promise<DaemonStatus> {
  const status = statusFrom(beadsDir, probe);
  if (status.status !== 'not_running' || status.reason !== undefined) return status;
  const refusal = await findDaemonRefusal(beadsDir, { env });
  return refusal === undefined ? status : { ...status, reason: refusal.reason };
}
