import {
  BATCH_CHANGES_MAX,
  BATCH_DELAY_MAX_MS,
  BATCH_QUIET_MS,
  FETCH_INTERVAL_MAX_MS,
  FETCH_INTERVAL_MS,
  RETRY_DELAY_MAX_MS,
  RETRY_DELAY_MS,
} from '../core/limits.ts';
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
  quietMs: number;
  delayMaxMs: number;
  /** How many changes are sent without waiting for quiet. */
  batchMax: number;
  fetchActiveMs: number;
  fetchIdleMs: number;
  /** Off: the mirror is checked when the workspace is used, and at long intervals. */
  watchesFiles: boolean;
}

export const DEFAULT_SYNC_SETTINGS: SyncSettings = {
  push: true,
  isByHand: false,
  isTracked: false,
  quietMs: BATCH_QUIET_MS,
  delayMaxMs: BATCH_DELAY_MAX_MS,
  batchMax: BATCH_CHANGES_MAX,
  fetchActiveMs: FETCH_INTERVAL_MS,
  fetchIdleMs: FETCH_INTERVAL_MAX_MS,
  watchesFiles: true,
};
