import {
  BATCH_CHANGES_MAX,
  BATCH_DELAY_MAX_MS,
  BATCH_QUIET_MS,
  FETCH_INTERVAL_MAX_MS,
  FETCH_INTERVAL_MS,
} from '../core/limits.ts';

export interface SyncSettings {
  /** Off: nothing is fetched or sent. */
  push: boolean;
  /** People commit the mirror themselves. */
  isByHand: boolean;
  /** The mirror is a file that git tracks: a commit right after a change is to have it. */
  isTracked: boolean;
  quietMs: number;
  delayMaxMs: number;
  /** Changes that do not wait for quiet. */
  batchMax: number;
  fetchActiveMs: number;
  fetchIdleMs: number;
  /** Off: the mirror is looked at when somebody works here, and at a slow pace. */
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
