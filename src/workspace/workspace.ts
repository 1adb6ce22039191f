import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { BdError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { createGit, type Git } from '../platform/git-command.ts';
import { findGitRepository } from '../platform/git-repository.ts';
import type { Log } from '../platform/log.ts';
import { daemonLockPath, refuseLinks, watchIdentity } from '../platform/workspace-files.ts';
import { openStore, type Store } from '../store/store.ts';
import { createBranchCycle } from '../sync/branch-cycle.ts';
import { withCopies } from '../sync/mirror-copies.ts';
import type { Reached } from '../sync/cycle-steps.ts';
import { createMirrorFile } from '../sync/mirror-file.ts';
import { createMirrorMemory } from '../sync/mirror-memory.ts';
import { createSyncBranch, type SyncBranch } from '../sync/sync-branch.ts';
import { createSyncEngine, type SyncEngine } from '../sync/sync-engine.ts';
import type { SyncSettings } from '../sync/sync-state.ts';
import { openConfig, type Config } from './config.ts';
import { readIdentity, type Identity } from './identity.ts';
import { readMetadata } from './metadata.ts';
import { createTracking, findWorktreeMirrors } from './mirror-copies.ts';

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
  readonly store: Store;
  readonly sync: SyncEngine;
  readonly clock: Clock;
  readonly randomBytes: (count: number) => Uint8Array;
  /** What new ids begin with. */
  prefix(): string;
  identity(): Promise<Identity>;
  /** A change: all or nothing, durable when it returns, then mirrored and shared in its own time. */
  write<T>(change: () => T): T;
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
  const { database, jsonl_export: mirrorName, project_id: projectId } = readMetadata(beadsDir);
  // The names come with a clone, and so may links of those names.
  refuseLinks(beadsDir, [database, `${database}-wal`, `${database}-shm`, mirrorName]);
  const config = await openConfig(beadsDir, { env });
  const projectDir = dirname(beadsDir);
  const databasePath = join(beadsDir, database);
  const mirrorPath = join(beadsDir, mirrorName);
  const git = openGit(projectDir, { env });
  const isOurs = watchIdentity(daemonLockPath(beadsDir));
  const guard = (): void => {
    if (!isOurs()) throw replaced(beadsDir);
  };
  const store = openStore(databasePath, { clock });
  if (store.movedAside !== undefined) {
    log.warn('the store could not be used; it is rebuilt from the mirror and git', {
      movedAside: store.movedAside,
    });
  }
  const quarantineDirectory = join(beadsDir, 'quarantine');
  const branch = git === undefined ? undefined : openBranch({ git, config, projectId, clock });
  const around = { store, clock, random: Math.random, pause, quarantineDirectory, reached };
  const mirrorAround = { quarantineDirectory, store, clock, pause };
  const gitDir = findGitRepository(projectDir)?.gitDir;
  const mirror = createMirrorFile({
    ...mirrorAround,
    path: mirrorPath,
    ...(gitDir === undefined ? {} : { tracking: createTracking(config, gitDir) }),
  });
  const sync = createSyncEngine({
    store,
    mirror: withCopies(mirror, {
      find: () => findWorktreeMirrors({ beadsDir, mirrorName }),
      open: (copy) =>
        createMirrorFile({
          ...mirrorAround,
          path: copy.path,
          memory: createMirrorMemory(store.settings, {
            name: copy.name,
            firstSeq: store.events.lastSeq(),
          }),
          tracking: createTracking(config, copy.gitDir),
        }),
      log,
    }),
    cycle: branch && createBranchCycle({ ...around, branch }),
    clock,
    random: Math.random,
    settings: syncSettings(config),
    guard,
    log,
    reached,
  });
  let identity: Promise<Identity> | undefined;
  return {
    beadsDir,
    projectDir,
    databasePath,
    mirrorPath,
    quarantineDirectory,
    projectId,
    config,
    store,
    sync,
    clock,
    randomBytes: (count) => randomBytes(count),
    prefix: () => config.text('issue_prefix'),
    identity: () =>
      (identity ??= readIdentity({
        actor: config.text('actor'),
        gitSetting: (key) => readGitSetting(git, key),
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
    async [Symbol.asyncDispose]() {
      try {
        await sync.drain();
      } finally {
        store.close();
      }
    },
  };
}

/** With another lock file, another process may be writing: what is written here now would be lost. */
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
      return config.whole('sync.batch_max');
    },
    get fetchActiveMs() {
      return config.whole('sync.fetch_active_ms');
    },
    get fetchIdleMs() {
      return config.whole('sync.fetch_idle_ms');
    },
  };
}

/** Worktrees share the repository's refs, so the common directory is the one that counts. */
function openGit(projectDir: string, { env }: { env: Environment }): Git | undefined {
  const repository = findGitRepository(projectDir);
  if (repository === undefined) return undefined;
  return createGit({ gitDir: repository.commonDir, directory: repository.topLevel, env });
}

function openBranch({
  git,
  config,
  projectId,
  clock,
}: {
  git: Git;
  config: Config;
  projectId: string;
  clock: Clock;
}): SyncBranch | undefined {
  // A workspace of the classic tool has no project id: `bd init` gives it one, or finds the right one.
  if (projectId === '' || config.text('sync.mode') !== 'branch') return undefined;
  return createSyncBranch({
    git,
    clock,
    project: { projectId, prefix: config.text('issue_prefix') },
    names: {
      get branch() {
        return config.text('sync.branch');
      },
      get remote() {
        return config.text('sync.remote') || undefined;
      },
    },
  });
}

async function readGitSetting(git: Git | undefined, key: string): Promise<string | undefined> {
  // Who one is can be told without git; that git is missing shows where it is needed.
  const result = await git?.run(['config', '--get', key]).catch(() => undefined);
  const value = result?.stdout.toString().trim();
  return value === '' ? undefined : value;
}
