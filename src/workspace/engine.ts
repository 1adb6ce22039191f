import { setTimeout as pause } from 'node:timers/promises';
import type { SyncMode } from '../core/sharing.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import type { Log } from '../platform/log.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { forgetShared, lacksRepository } from '../sync/branch/branch-memory.ts';
import type { Reached, SyncCycle } from '../sync/cycle.ts';
import { RemoteWait } from '../sync/remote-wait.ts';
import type { SyncContext } from '../sync/sync-driver.ts';
import type { SyncSettings } from '../sync/sync-event.ts';
import type { Config } from './config/config.ts';
import type { Metadata } from './config/metadata.ts';
import type { CycleOptions } from './cycles.ts';
import type { HeldStore } from './held-store.ts';
import { openMirror } from './mirror.ts';

interface SyncOptions {
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
export function openSync(options: SyncOptions): SyncContext {
  const { metadata, config, held, reached } = options;
  const parts = partsOf(options);
  const guardShowing = (): void => held.guardShowing();
  const mirror = openMirror({ ...parts, mirrorName: metadata.jsonl_export, guard: guardShowing });
  const cycle = openCycle({
    ...parts,
    mirror,
    // The process may be suspended during a step, and another one may have taken over meanwhile.
    async reached(step) {
      await reached(step);
      guardShowing();
    },
  });
  return {
    ...parts,
    mirror,
    cycle,
    settings: syncSettings(config),
    guard() {
      guardShowing();
      config.check();
    },
  };
}

function partsOf({ metadata, held, ...options }: SyncOptions) {
  return {
    ...options,
    projectId: metadata.project_id,
    quarantineDirectory: options.place.quarantineDirectory,
    store: held.store,
    random: Math.random,
    pause,
    remoteWait: new RemoteWait(options.clock),
  };
}

/** The cycle for the workspace's `sync.mode`; undefined where people commit the mirror themselves. */
function openCycle(options: Omit<CycleOptions, 'repository'>): SyncCycle | undefined {
  const { place, config, projectId, store } = options;
  const { repository } = place;
  const mode = config.text('sync.mode') as SyncMode;
  // The branch lacks what changes while issues are shared in another way.
  if (repository === undefined || mode !== 'branch') forgetShared(store);
  // A workspace of the classic tool has no project id until `bd init` gives it one, or finds the right one.
  if (repository === undefined || projectId === '') return undefined;
  const shared = { ...options, repository };
  switch (mode) {
    case 'branch':
      return loadedLater(async () => (await import('./cycles.ts')).openBranchCycle(shared), {
        commits: 'store',
        mustRestore: () => lacksRepository(store),
      });
    case 'checked-out':
      return loadedLater(async () => (await import('./cycles.ts')).openCheckedOutCycle(shared), {
        commits: 'mirror',
        mustRestore: () => false,
      });
    case 'worktree':
      return undefined;
    default:
      return mode satisfies never;
  }
}

/** A cycle and git are a third of the program, and most first answers of a daemon need neither. */
function loadedLater(
  open: () => Promise<SyncCycle>,
  { commits, mustRestore }: Pick<SyncCycle, 'commits'> & { mustRestore: () => boolean },
): SyncCycle {
  let opened: Promise<SyncCycle> | undefined;
  const load = async (): Promise<SyncCycle> => {
    try {
      return await (opened ??= open());
    } catch (error) {
      // The next call tries again: the system may have been out of descriptors.
      opened = undefined;
      throw error;
    }
  };
  return {
    commits,
    run: async (how) => (await load()).run(how),
    async restore() {
      if (mustRestore()) await (await load()).restore?.();
    },
    tidy: async (signal) => (await load()).tidy?.(signal),
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
