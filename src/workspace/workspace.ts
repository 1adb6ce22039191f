import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BdError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { watchIdentity } from '../platform/file-version.ts';
import type { Git } from '../platform/git-command.ts';
import { findGitRepository, type GitRepository } from '../platform/git-repository.ts';
import type { Log } from '../platform/log.ts';
import { daemonLockPath } from '../platform/workspace-files.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Reached } from '../sync/cycle-steps.ts';
import { createRemoteWait } from '../sync/remote-wait.ts';
import { createReplaceableEngine } from '../sync/replaceable-engine.ts';
import { createSyncEngine, type SyncEngine } from '../sync/sync-engine.ts';
import type { SyncSettings } from '../sync/sync-state.ts';
import { readConfig, type Config } from './config.ts';
import { readIdentity, type Identity } from './identity.ts';
import { readMetadata, refuseLinkedFiles } from './metadata.ts';
import { openMirror } from './mirror.ts';
import { openSharedGit } from './shared-git.ts';
import { openSyncCycle } from './sync-mode.ts';

/**
 * `ours`: to be read and written. `replaced`: the store's file is another one now, or none: what is open is shown,
 * and closed. `lost`: another process may be writing, or the store cannot be believed: nothing more
 * is written.
 */
export type Standing = 'ours' | 'replaced' | 'lost';

/** A project's open issues: one writer at a time, so whoever opens it holds `daemon.lock`. */
export interface Workspace {
  readonly beadsDir: string;
  readonly projectDir: string;
  readonly databasePath: string;
  readonly mirrorPath: string;
  /** Holds lines that could not be read, word for word. */
  readonly quarantineDirectory: string;
  readonly projectId: string;
  readonly config: Config;
  /** What a git child may know of its surroundings. */
  readonly env: Environment;
  /** Undefined without git. */
  readonly repository: GitRepository | undefined;
  readonly store: Store;
  readonly sync: SyncEngine;
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
  /** What new ids begin with. */
  prefix(): string;
  identity(): Promise<Identity>;
  /** A change: all or nothing, durable when it returns, then mirrored and shared in its own time. */
  write<T>(change: () => T): T;
  /** Makes a change that decides how issues are shared; from then on all goes by it. */
  changeSharing<T>(change: () => Promise<T>): Promise<T>;
  standing(): Standing;
  /** What people should hear of, and the first who asks is told. */
  takeNotice(): string | undefined;
  /** Closes the store without writing anything. */
  abandon(): void;
  /** Brings the mirror up to date, stops what runs, and closes the store. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface WorkspaceOptions {
  beadsDir: string;
  env: Environment;
  clock: Clock;
  log: Log;
  /** Called at each step of a cycle: a test lets the process end there. */
  reached?: Reached;
}

export async function openWorkspace(options: WorkspaceOptions): Promise<Workspace> {
  const { beadsDir, env, clock, log, reached = () => {} } = options;
  let metadata = readMetadata(beadsDir);
  const { database } = metadata;
  refuseLinkedFiles(beadsDir, metadata);
  const config = await readConfig(beadsDir, { env });
  const projectDir = dirname(beadsDir);
  const databasePath = join(beadsDir, database);
  const mirrorPath = (): string => join(beadsDir, metadata.jsonl_export);
  const repository = findGitRepository(projectDir);
  const isOurs = watchIdentity(daemonLockPath(beadsDir));
  const store = openStore(databasePath, { clock, projectId: metadata.project_id || undefined });
  const standing = (): Standing => {
    if (!isOurs()) return 'lost';
    const found = store.standing();
    return found === 'ours' || found === 'replaced' ? found : 'lost';
  };
  const guard = (): void => {
    if (standing() !== 'ours') throw replaced(beadsDir);
    // Nothing is changed or shared by half of somebody's settings; it can be read, and they be mended.
    config.check();
  };
  const close = (): void => {
    // Whoever holds another lock may have it open.
    if (isOurs()) store.putAside();
    store.close();
  };
  let notice = store.movedAside && rebuiltNotice(databasePath, store.movedAside);
  if (notice !== undefined) log.warn(notice);
  const quarantineDirectory = join(beadsDir, 'quarantine');
  /** What is shown to others is ours to show; a step of a cycle can take as long as somebody stops us. */
  const guardShowing = (): void => {
    if (standing() === 'lost') throw replaced(beadsDir);
  };
  const guardSharing = (): void => {
    guardShowing();
    config.check();
  };
  const reachedByLeader: Reached = async (step) => {
    await reached(step);
    guardShowing();
  };
  const openSync = (): SyncEngine => {
    const { jsonl_export: mirrorName, project_id: projectId } = metadata;
    const around = { store, clock, random: Math.random, pause, quarantineDirectory };
    const place = { beadsDir, repository, config, env, log };
    const remoteWait = createRemoteWait(clock);
    const mirror = openMirror({ ...around, ...place, mirrorName });
    return createSyncEngine({
      ...around,
      mirror,
      cycle: openSyncCycle({
        ...around,
        ...place,
        projectId,
        mirror,
        remoteWait,
        reached: reachedByLeader,
      }),
      remoteWait,
      settings: syncSettings(config),
      guard: guardSharing,
      reached,
      log,
    });
  };
  const sync = createReplaceableEngine(openSync);
  let identity: Promise<Identity> | undefined;
  return {
    beadsDir,
    projectDir,
    databasePath,
    get mirrorPath() {
      return mirrorPath();
    },
    quarantineDirectory,
    get projectId() {
      return metadata.project_id;
    },
    config,
    env,
    repository,
    store,
    sync,
    clock,
    randomBytes: (count) => randomBytes(count),
    prefix: () => config.text('issue_prefix'),
    identity: () =>
      (identity ??= readIdentity({
        actor: config.text('actor'),
        gitSetting: async (key) =>
          repository && (await readGitSetting(openSharedGit(repository, { env }), key)),
        env,
      })),
    write(change) {
      guard();
      const result = store.transaction(() => {
        const changed = change();
        store.cycles.settle();
        return changed;
      });
      sync.storeChanged();
      return result;
    },
    async changeSharing(change) {
      guard();
      return sync.replace(async () => {
        const changed = await change();
        const next = readMetadata(beadsDir);
        refuseLinkedFiles(beadsDir, next);
        metadata = next;
        return changed;
      });
    },
    standing,
    takeNotice() {
      const told = notice;
      notice = undefined;
      return told;
    },
    abandon: close,
    async [Symbol.asyncDispose]() {
      try {
        await sync.drain();
      } finally {
        close();
      }
    },
  };
}

function rebuiltNotice(path: string, movedAside: string): string {
  return `${path} could not be used, and is now ${movedAside}; the store was built anew from the mirror and git`;
}

/** Another process may be writing, or soon be: what is written here now would be lost. */
function replaced(beadsDir: string): BdError {
  return new BdError('LOCK_UNAVAILABLE', {
    message: `${beadsDir} was removed or replaced while it was open`,
    remedy: 'Run the command again: it opens what is there now.',
  });
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

async function readGitSetting(git: Git, key: string): Promise<string | undefined> {
  // Who one is can be told without git; that git is missing shows where it is needed.
  const result = await git.run(['config', '--get', key]).catch(() => undefined);
  const value = result?.stdout.toString().trim();
  return value === '' ? undefined : value;
}
