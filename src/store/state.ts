import type { Database } from '../platform/sqlite.ts';

/** What a store remembers of one mirror file. */
export interface MirrorNote {
  /** Of the content that was written or taken in last; undefined where there was no file. */
  hash?: string | undefined;
  /** The last event that the file needs no writing for; negative before all events. */
  seq?: number;
  /** The content is not what the store held at `seq`: git or a person put it there. */
  isForeign?: boolean;
  /** Lines of the file that cannot be read and stay in it, in base64. */
  carried?: string[];
}

/** All that a store remembers besides issues, as JSON by key in the table `state`. */
export interface StateValues {
  /** Number of the latest process that wrote (leadership.ts). */
  epoch: number;
  /** Whose issues these are. */
  project_id: string;
  /** The name under which this database writes, and where it was when it got it (replica.ts). */
  replica: { id: string; place: string };
  /** Of the event log (event-log.ts). */
  generation: number;
  /** A change that no mirror made is among the events that were trimmed. */
  changes_trimmed: true;
  /** Edges changed, and which of them count is not decided yet (edge-cycles.ts). */
  edges_unsettled: true;
  /** How sharing went when this store was last used; sync/sync-memory.ts knows its shape. */
  sync_memory: unknown;
  /** The last commit of the remote's branch whose lines are in the store. */
  imported_tip: string;
  /** Which branch of which remote that was: when it is gone, somebody deleted it. */
  imported_from: string;
  /** Our last commit: when the ref is elsewhere, this store is not the one that wrote it. */
  written_tip: string;
  /** The last commit that was seen to show the store, shared as far as it can be. */
  pushed_tip: string;
  /** Commits of the branch whose objects are loose, or nearly so. */
  commits_unpacked: number;
  /** The commit up to which all is packed. */
  packed_tip: string;
  /** The last event that a commit on the checked-out branch shows. */
  committed_seq: number;
  /** What bd put into the index of the checked-out branch last: found there, it is not the person's. */
  staged_blob: string;
  tombstones_swept_ms: number;
  overdue_told_ms: number;
  daemon_retired_ms: number;
  /** By the file's name; the main mirror's is empty. */
  [mirror: `mirror:${string}`]: MirrorNote;
}

export type StateKey = keyof StateValues;
type MirrorKey = `mirror:${string}`;

export function createState(
  database: Database,
  { transaction }: { transaction: <T>(work: () => T) => T },
) {
  const remove = database.prepare('DELETE FROM state WHERE key = ?');
  // ';' is the byte after ':'.
  const mirrors = database
    .prepare<[], MirrorKey>("SELECT key FROM state WHERE key >= 'mirror:' AND key < 'mirror;'")
    .pluck();
  const get = createStateReader(database);
  return {
    get,
    set<K extends StateKey>(key: K, value: StateValues[K]): void {
      transaction(() => writeState(database, key, value));
    },
    delete(key: StateKey): void {
      // To look is no reason to write.
      if (get(key) !== undefined) transaction(() => remove.run(key));
    },
    mirrorKeys: (): MirrorKey[] => mirrors.all(),
  };
}

export type State = ReturnType<typeof createState>;

/** Also of a database that is not open as a store. A value that bd did not write is none. */
export function readState<K extends StateKey>(
  database: Database,
  key: K,
): StateValues[K] | undefined {
  return createStateReader(database)(key);
}

/** The same for many reads: preparing the statement costs more than running it. */
export function createStateReader(
  database: Database,
): <K extends StateKey>(key: K) => StateValues[K] | undefined {
  const select = database
    .prepare<[string], string>('SELECT value FROM state WHERE key = ? AND json_valid(value)')
    .pluck();
  return <K extends StateKey>(key: K) => {
    const value = select.get(key);
    return value === undefined ? undefined : (JSON.parse(value) as StateValues[K]);
  };
}

/** Part of a transaction. */
export function writeState<K extends StateKey>(
  database: Database,
  key: K,
  value: StateValues[K],
): void {
  const upsert =
    'INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value';
  database.prepare(upsert).run(key, JSON.stringify(value));
}
