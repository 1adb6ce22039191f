import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Log } from '../platform/log.ts';
import type { Reached } from '../sync/cycle.ts';
import { RemoteWait } from '../sync/remote-wait.ts';
import type { SyncContext } from '../sync/sync-driver.ts';
import type { SyncSettings } from '../sync/sync-event.ts';
import type { Config } from './config/config.ts';
import type { HeldStore } from './held-store.ts';
import type { Metadata } from './config/metadata.ts';
import { openMirror } from './mirror.ts';
import { openSyncCycle } from './sync-mode.ts';

export interface SyncOptions {
  place: WorkspacePlace;
  metadata: Metadata;
  config: Config;
  held: HeldStore;
  env: Environment;
  clock: Clock;
  log: Log;
  /** Called at each step of a cycle. */
  reached: Reached;
}

/** What the engine of a workspace works with, by its current settings. */
export function openSync({ metadata, held, ...options }: SyncOptions): SyncContext {
  const { place, config, clock, reached } = options;
  const { store } = held;
  const around = {
    ...options,
    quarantineDirectory: place.quarantineDirectory,
    store,
    random: Math.random,
    pause,
    remoteWait: new RemoteWait(clock),
  };
  const mirror = openMirror({ ...around, mirrorName: metadata.jsonl_export });
  const cycle = openSyncCycle({
    ...around,
    projectId: metadata.project_id,
    mirror,
    // The process may be suspended during a step, and another one may have taken over meanwhile.
    async reached(step) {
      await reached(step);
      held.guardShowing();
    },
  });
  return {
    ...around,
    mirror,
    cycle,
    settings: syncSettings(config),
    guard() {
      held.guardShowing();
      config.check();
    },
  };
}

/** Read at each use, so that `bd config set` takes effect at once. */
function syncSettings(config: Config): SyncSettings {
  return {
    get push() {
      return config.truth('sync.push');
    },
    get isByHand() {
      return config.text('sync.mode') === 'worktree';
    },
    get isTracked() {
      return config.text('sync.mode') !== 'branch';
    },
    get quietMs() {
      return config.whole('sync.quiet_ms');
    },
    get delayMaxMs() {
      return config.whole('sync.delay_max_ms');
    },
    get batchMax() {
      return config.whole('daemon.max_batch_size');
    },
    get fetchActiveMs() {
      return config.duration('daemon.sync_interval');
    },
    get fetchIdleMs() {
      return Math.max(config.whole('sync.fetch_idle_ms'), config.duration('daemon.sync_interval'));
    },
    get watchesFiles() {
      return config.truth('daemon.file_watch');
    },
  };
}
