import type { Database } from '../platform/sqlite.ts';

export interface Pending {
  count: number;
  oldestMs: number | undefined;
  /** Number of the newest event that waits; 0 when none does. */
  lastSeq: number;
  /** The first few, for a commit subject. */
  ids: string[];
}

const IDS_SHOWN = 10;

const INSERT = 'INSERT INTO outbox (issue_id, seq, since_ms, shared_counter) VALUES (?, ?, ?, ?)';
const UPDATE = 'UPDATE outbox SET seq = ? WHERE issue_id = ?';
const COUNTER = 'SELECT shared_counter FROM outbox WHERE issue_id = ?';
const RAISE_COUNTER =
  'UPDATE outbox SET shared_counter = max(shared_counter, ?) WHERE issue_id = ?';
const RESTART_COUNTERS = 'UPDATE outbox SET shared_counter = 0';
const ALL_IDS = 'SELECT issue_id FROM outbox ORDER BY issue_id';
const COUNT = 'SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT ?)';
const SUMMARY = `
  SELECT count(*) AS count, min(since_ms) AS oldestMs, coalesce(max(seq), 0) AS lastSeq
  FROM outbox WHERE seq > ?`;
const FIRST_IDS = 'SELECT issue_id FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?';
const ANY_THROUGH = 'SELECT 1 FROM outbox WHERE seq <= ? LIMIT 1';
const CLEAR = 'DELETE FROM outbox WHERE seq <= ?';

interface Parts {
  nowMs: () => number;
  lastSeq: () => number;
  transaction: <T>(work: () => T) => T;
}

/** Issues that other clones have not been sent yet. */
export function createOutbox(database: Database, { nowMs, lastSeq, transaction }: Parts) {
  return {
    /**
     * `sharedCounter` returns how many of this clone's own writes of the issue the others had before; it is
     * called only for an issue that was not waiting yet. `seq` is the issue's latest event.
     */
    add(
      issueId: string,
      { sharedCounter, seq = lastSeq() }: { sharedCounter: () => number; seq?: number },
    ): void {
      if (database.prepare(UPDATE).run(seq, issueId).changes > 0) return;
      database.prepare(INSERT).run(issueId, seq, nowMs(), sharedCounter());
    },
    /** How many of this clone's own writes of the issue the others have; undefined if it does not wait. */
    sharedCounter: (issueId: string): number | undefined =>
      database.prepare<[string], number>(COUNTER).pluck().get(issueId),
    /** The others have been sent that many of this clone's own writes of an issue that still waits. */
    noteShared: (issueId: string, counter: number): void =>
      void database.prepare(RAISE_COUNTER).run(counter, issueId),
    /** Call when this clone writes under a new name, as none of those writes is shared yet. */
    restartCounters: (): void => void database.prepare(RESTART_COUNTERS).run(),
    /** How many issues wait. Each change asks: counting stops at `most`. */
    count: (most = -1): number => database.prepare<[number], number>(COUNT).pluck().get(most) ?? 0,
    /** All issues that wait, in id order. */
    issueIds: (): string[] => database.prepare<[], string>(ALL_IDS).pluck().all(),
    /** With `after`, only those that changed after that event. */
    pending({ after = -1 }: { after?: number } = {}): Pending {
      // An aggregate has one row, always.
      const row = database.prepare(SUMMARY).get(after) as Omit<Pending, 'ids'>;
      return {
        ...row,
        oldestMs: row.oldestMs ?? undefined,
        ids: database.prepare<[number, number], string>(FIRST_IDS).pluck().all(after, IDS_SHOWN),
      };
    },
    /** Call with the `lastSeq` seen before the records were read: later changes stay. */
    clearThrough(seq: number): void {
      if (database.prepare(ANY_THROUGH).pluck().get(seq) === undefined) return;
      transaction(() => database.prepare(CLEAR).run(seq));
    },
  };
}

export type Outbox = ReturnType<typeof createOutbox>;
