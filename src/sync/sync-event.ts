import { RETRY_DELAY_MAX_MS, RETRY_DELAY_MS } from '../core/limits.ts';
import type { CycleEnd } from './sync-failure.ts';

/** What the state machines are fed; each ignores what does not concern it. */
export type SyncEvent =
  /** `pending`: issues that wait to be sent. */
  | { kind: 'store_changed'; pending: number }
  | { kind: 'mirror_changed' }
  /** The file was deleted, perhaps to be replaced. */
  | { kind: 'mirror_gone' }
  | { kind: 'flush_started' }
  | { kind: 'flush_ended'; behind: boolean }
  | { kind: 'flush_failed' }
  | { kind: 'sync_asked' }
  | { kind: 'cycle_ended'; end: CycleEnd; pending: number; imported: number }
  /** The workspace is used, if only to read. */
  | { kind: 'activity' }
  /** The time of `nextDueMs` has come. */
  | { kind: 'due' };

export interface SyncCircumstances {
  nowMs: number;
  /** From 0 to 1. */
  random: number;
  settings: SyncSettings;
}

/** Doubles from the shortest wait to the longest, less up to a quarter, so that clones spread. */
export function retryDelayMs(attempts: number, random: number): number {
  const delayMs = Math.min(RETRY_DELAY_MS * 2 ** (attempts - 1), RETRY_DELAY_MAX_MS);
  return Math.round(delayMs * (1 - random / 4));
}

export interface SyncSettings {
  /** Off: nothing is fetched or pushed. */
  push: boolean;
  /** People commit the mirror themselves. */
  isByHand: boolean;
  /** The mirror is a file that git tracks: a commit right after a change is to have it. */
  isTracked: boolean;
  /** Quiet time after a change before it is sent: an agent's burst becomes one commit. */
  quietMs: number;
  /** A change is sent after this time even if the burst goes on. */
  delayMaxMs: number;
  /** How many changes are sent without waiting for quiet. */
  batchMax: number;
  /** How often changes of other clones are fetched while the workspace is used. */
  fetchActiveMs: number;
  /** The same while it is not: the interval doubles up to this. */
  fetchIdleMs: number;
  /** Off: the mirror is checked when the workspace is used, and at long intervals. */
  watchesFiles: boolean;
}
