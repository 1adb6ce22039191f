import type { SyncSettings } from '../../src/sync/sync-event.ts';

export const SETTINGS: SyncSettings = {
  push: true,
  isByHand: false,
  isTracked: false,
  quietMs: 300,
  delayMaxMs: 5_000,
  batchMax: 100,
  fetchActiveMs: 5_000,
  fetchIdleMs: 60_000,
  watchesFiles: true,
};
