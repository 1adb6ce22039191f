import { randomBytes } from 'node:crypto';
import { isSettled } from '../core/sharing.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import type { Log } from '../platform/log.ts';
import { SCHEMA_VERSION } from '../store/schema.ts';
import { openStore } from '../store/store.ts';
import type { Reached } from '../sync/cycle.ts';
import { SyncEngine } from '../sync/sync-engine.ts';
import { readConfig } from './config/config.ts';
import { OpenMetadata, type Metadata } from './config/metadata.ts';
import { openSync } from './engine.ts';
import { holdStore, type Standing } from './held-store.ts';
import { mirrorKeys } from './mirror.ts';
import { readIdentity, type Identity } from './identity.ts';
import { EVENTS_BETWEEN_TRIMS, TEXTS_INDEXED_AT_ONCE, tidyStore } from './tidy.ts';

export interface WorkspaceOptions {
  place: WorkspacePlace;
  env: Environment;
  clock: Clock;
  log: Log;
  /** Called at each step of a cycle: a test lets the process end there. */
  reached?: Reached;
}

export type Workspace = Awaited<ReturnType<typeof openWorkspace>>;

/** A project's open issues: one writer at a time, so the caller holds `place.lockFile`. */
export async function openWorkspace(options: WorkspaceOptions) {
  const { place, env, clock } = options;
  const parts = await openParts(options);
  const { metadata, config, held, store, sync, guard, notice, standing } = parts;
  const { tidy, tidyAtEnd } = tidyAfterChanges(parts, options);
  let identity: Promise<Identity> | undefined;
  return {
    place,
    config,
    store,
    sync,
    clock,
    /** What a git child may know of its surroundings. */
    env,
    schemaVersion: SCHEMA_VERSION,
    /** That the store was rebuilt when it was opened, for the first person who looks. */
    notice,
    randomBytes: (count: number): Uint8Array => randomBytes(count),
    /** The names of the store and the mirror, and the project; a migration can change them. */
    get metadata(): Metadata {
      return metadata.current;
    },
    get mirrorPath(): string {
      return place.file(metadata.current.jsonl_export);
    },
    /** Who acts when a command names no one. */
    identity: (): Promise<Identity> => (identity ??= readIdentity(place, { config, env })),
    /** Makes a change: all or nothing, durable when it returns, mirrored and shared soon after. */
    write: store.write,
    /** Makes a change to how issues are shared; then everything goes by it. */
    async changeSharing<T>(change: () => Promise<T>): Promise<T> {
      guard();
      return sync.replace(() => metadata.change(change));
    },
    /** For the time when nothing works with the store. Returns whether there is more to remove. */
    tidy(): boolean {
      const hasMore = [tidy(), store.search.indexWaiting(TEXTS_INDEXED_AT_ONCE)].includes(true);
      store.rest();
      return hasMore;
    },
    /** Call before each request: settings that were edited by hand count from then on. */
    followSettings: createFollower(parts, { ...options, edited: () => (identity = undefined) }),
    standing,
    /** Closes the store without writing anything. */
    abandon: (): void => held.close(),
    /** Brings the mirror up to date, stops what runs, and closes the store. */
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        await sync.drain();
        tidyAtEnd();
      } finally {
        held.close();
      }
    },
  };
}

/** Whether changes wait to be shared. Where nothing is ever sent, nothing waits. */
export function hasUnshared({ sync, store }: Pick<Workspace, 'sync' | 'store'>): boolean {
  try {
    const { state, pending } = sync.status();
    return pending > 0 && !isSettled(state);
  } catch (error) {
    // Something may wait in a store that another program has locked. Damage is found by the next check.
    store.explain(error);
    return true;
  }
}

async function openParts({ place, reached = () => {}, ...around }: WorkspaceOptions) {
  const { env, clock, log } = around;
  const metadata = new OpenMetadata(place);
  const { database, project_id: id } = metadata.current;
  const config = await readConfig(place, env);
  const databasePath = place.file(database);
  const held = holdStore(place, () =>
    openStore(databasePath, { clock, projectId: id || undefined }),
  );
  const guard = (): void => {
    held.guardWriting();
    // With a wrong setting nothing is changed or shared, but everything can be read, and the setting mended.
    config.check();
  };
  const store = held.store.guardedBy(guard);
  const notice = store.movedAside && rebuiltNotice(databasePath, store.movedAside);
  if (notice !== undefined) log.warn(notice);
  const syncOptions = { ...around, place, config, reached };
  const sync = new SyncEngine(() => openSync({ ...syncOptions, metadata: metadata.current, held }));
  held.store.onCommit(() => sync.storeChanged());
  /** With other names in `metadata.json`, the store and the mirror are other files. */
  const standing = (): Standing => {
    const found = held.standing();
    return found === 'ours' && metadata.isEdited() ? 'replaced' : found;
  };
  return { metadata, config, held, store, sync, guard, notice, standing };
}

/** After an edit of the settings everything starts again by them; all calls wait for that. */
function createFollower(
  { config, sync }: Awaited<ReturnType<typeof openParts>>,
  { log, edited }: { log: Log; edited: () => void },
): () => Promise<void> {
  let followed = Promise.resolve();
  const follow = async (): Promise<void> => {
    if (!(await config.follow())) return;
    edited();
    await sync
      .replace(() => Promise.resolve())
      .catch((error: unknown) => log.error('the change of the settings met a failure', { error }));
  };
  return () => (followed = followed.then(follow, follow));
}

/** Tidies the store up while a long series of changes is made, and after the last one. */
function tidyAfterChanges(
  { metadata, config, held, store }: Awaited<ReturnType<typeof openParts>>,
  { place, clock, log }: WorkspaceOptions,
) {
  const tidy = (): boolean =>
    tidyStore(store, {
      config,
      nowMs: clock.nowMs(),
      mirrorKeys: () => mirrorKeys(place, metadata.current.jsonl_export),
    });
  const tryTidy = (): void => {
    try {
      tidy();
    } catch (error) {
      // The changes themselves are stored; the next one tries this again.
      log.warn('the store could not be tidied up', { error });
    }
  };
  let hasChanged = false;
  held.store.onCommit(({ from, to }) => {
    hasChanged = true;
    const turnOf = (seq: number): number => Math.floor(seq / EVENTS_BETWEEN_TRIMS);
    if (turnOf(to) > turnOf(from)) tryTidy();
  });
  return {
    tidy,
    tidyAtEnd: (): void => {
      if (hasChanged && held.standing() === 'ours') tryTidy();
    },
  };
}

function rebuiltNotice(path: string, movedAside: string): string {
  return `${path} could not be used, and is now ${movedAside}; the store was built anew from the mirror and git`;
}
