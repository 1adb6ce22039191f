import type { Database } from '../platform/sqlite.ts';

/** The store's note about one mirror file. */
export interface MirrorNote {
  /** Hash of the content last written or taken in; undefined where there was no file. */
  hash?: string | undefined;
  /** The file's stamp, if bd put it there; undefined where a later write can leave it unchanged. */
  stamp?: string | undefined;
  /** The last event that the file shows; negative before the first. */
  seq?: number;
  /** The content is not what the store held at `seq`: git or a person wrote it. */
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
  /** The name under which this database writes, and the place that it was given for (replica.ts). */
  replica: { id: string; place: string };
  /** Generation of the event log (event-log.ts). */
  generation: number;
  /** The trimmed events include a change that no mirror made. */
  changes_trimmed: true;
  /** Edges changed, and it is not decided yet which of them count (edge-cycles.ts). */
  edges_unsettled: true;
  /** How sharing went when this store was last used; sync/sync-memory.ts knows its shape. */
  sync_memory: unknown;
  /** The last commit of the remote's branch whose lines are in the store. */
  imported_tip: string;
  /** The remote and branch of that commit: when it is gone, it was deleted. */
  imported_from: string;
  /** Our last commit: when the ref points elsewhere, another store wrote it. */
  written_tip: string;
  /** The last commit that showed the store and was shared as far as possible. */
  pushed_tip: string;
  /** Commits of the branch since its objects were last packed. */
  commits_unpacked: number;
  /** The commit up to which all objects are packed. */
  packed_tip: string;
  /** The last event that a commit on the checked-out branch shows. */
  committed_seq: number;
  /** The blob that bd last staged on the checked-out branch; any other in the index is the user's. */
  staged_blob: string;
  tombstones_swept_ms: number;
  overdue_told_ms: number;
  daemon_retired_ms: number;
  /** By the mirror file's name, which is empty for the main one. */
  [mirror: `mirror:${string}`]: MirrorNote;
}

export type StateKey = keyof StateValues;
type MirrorKey = `mirror:${string}`;

const SELECT = 'SELECT value FROM state WHERE key = ? AND json_valid(value)';
const UPSERT = `INSERT INTO state (key, value) VALUES (?, ?)
  ON CONFLICT DO UPDATE SET value = excluded.value`;
const DELETE = 'DELETE FROM state WHERE key = ?';
// ';' is the byte after ':'.
const MIRROR_KEYS = "SELECT key FROM state WHERE key >= 'mirror:' AND key < 'mirror;'";

export function createStoreState(
  database: Database,
  { transaction }: { transaction: <T>(work: () => T) => T },
) {
  const get = <K extends StateKey>(key: K): StateValues[K] | undefined => readState(database, key);
  return {
    get,
    set<K extends StateKey>(key: K, value: StateValues[K]): void {
      transaction(() => writeState(database, key, value));
    },
    delete(key: StateKey): void {
      // A write transaction would take over from another process for nothing.
      if (get(key) !== undefined) transaction(() => database.prepare(DELETE).run(key));
    },
    mirrorKeys: (): MirrorKey[] => database.prepare<[], MirrorKey>(MIRROR_KEYS).pluck().all(),
  };
}

export type State = ReturnType<typeof createStoreState>;

/** Works on any open database. Ignores a value that is not JSON, as bd did not write it. */
export function readState<K extends StateKey>(
  database: Database,
  key: K,
): StateValues[K] | undefined {
  const value = database.prepare<[string], string>(SELECT).pluck().get(key);
  return value === undefined ? undefined : (JSON.parse(value) as StateValues[K]);
}

/** Call inside a transaction. */
export function writeState<K extends StateKey>(
  database: Database,
  key: K,
  value: StateValues[K],
): void {
  database.prepare(UPSERT).run(key, JSON.stringify(value));
}
