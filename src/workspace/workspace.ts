import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { findGitRepository, type GitRepository } from '../git/repository.ts';
import type { Log } from '../platform/log.ts';
import { openStore, type Store } from '../store/store.ts';
import type { Reached } from '../sync/cycle-steps.ts';
import { SyncEngine } from '../sync/sync-engine.ts';
import { readConfig, type Config } from './config/config.ts';
import { openSync } from './engine.ts';
import { holdStore, type Standing } from './held-store.ts';
import { readIdentity, type Identity } from './identity.ts';
import { readMetadata, refuseLinkedFiles } from './config/metadata.ts';
import { openSharedGit } from './shared-git.ts';

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
  const repository = findGitRepository(projectDir);
  const projectId = metadata.project_id || undefined;
  const held = holdStore(beadsDir, () => openStore(databasePath, { clock, projectId }));
  const { store } = held;
  const guard = (): void => {
    held.guardWriting();
    // Nothing is changed or shared by half of somebody's settings; it can be read, and they be mended.
    config.check();
  };
  let notice = store.movedAside && rebuiltNotice(databasePath, store.movedAside);
  if (notice !== undefined) log.warn(notice);
  const quarantineDirectory = join(beadsDir, 'quarantine');
  const place = { beadsDir, config, repository, quarantineDirectory, env, clock, log, reached };
  const sync = new SyncEngine(() => openSync({ ...place, metadata, held }));
  let identity: Promise<Identity> | undefined;
  return {
    beadsDir,
    projectDir,
    databasePath,
    get mirrorPath() {
      return join(beadsDir, metadata.jsonl_export);
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
        git: repository && openSharedGit(repository, { env }),
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
    standing: () => held.standing(),
    takeNotice() {
      const told = notice;
      notice = undefined;
      return told;
    },
    abandon: () => held.close(),
    async [Symbol.asyncDispose]() {
      try {
        await sync.drain();
      } finally {
        held.close();
      }
    },
  };
}

function rebuiltNotice(path: string, movedAside: string): string {
  return `${path} could not be used, and is now ${movedAside}; the store was built anew from the mirror and git`;
}
