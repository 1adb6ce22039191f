import type { Connected } from '../client/connect.ts';
import { ensureDaemon, type Patience } from '../client/ensure-daemon.ts';
import type { DaemonStart } from '../client/spawn-daemon.ts';
import type { BdError } from '../core/errors.ts';
import { findDaemonRefusal } from './daemon-refusal.ts';

export type DaemonReach =
  | Connected
  /** The command is done without one; `failure` is there when nobody was told of it yet. */
  | { kind: 'none'; failure?: BdError };

/** The daemon for a command that found none running. */
export async function reachDaemon(start: DaemonStart, patience: Patience): Promise<DaemonReach> {
  const { beadsDir, env } = start;
  if ((await findDaemonRefusal(beadsDir, { env })) !== undefined) return { kind: 'none' };
  const ensured = await ensureDaemon(start, patience);
  if (ensured.kind === 'connected') return ensured;
  return ensured.kind === 'failed' ? { kind: 'none', failure: ensured.error } : { kind: 'none' };
}
