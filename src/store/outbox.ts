import type { Database } from '../platform/sqlite.ts';

export interface Pending {
  count: number;
  oldestMs: number | undefined;
  /** Position of the newest change that waits; 0 when none does. */
  lastSeq: number;
  /** The first few, for a commit subject. */
  ids: string[];
}

const IDS_SHOWN = 10;

/** Issues that other clones have not been sent yet; it survives every crash with the store. */
export interface Outbox {
  /**
   * `sharedCounter` tells how many of this clone's own writes of the issue the others had before; it is
   * asked when the issue was not waiting yet.
   */
  add(issueId: string, options: { sharedCounter: () => number }): void;
  /** What `sharedCounter` told; undefined for an issue that does not wait. */
  sharedCounter(issueId: string): number | undefined;
  /** The others have been sent that many of this clone's own writes of an issue that waits on. */
  noteShared(issueId: string, counter: number): void;
  /** This clone writes under a new name now: of that, nothing is shared. */
  restartCounters(): void;
  /** All issues that wait, in id order. */
  issueIds(): string[];
  /** With `after`, those only that changed later than the event at that position. */
  pending(options?: { after?: number }): Pending;
  /** Call with the `lastSeq` seen before the records were read: later changes stay. */
  clearThrough(seq: number): void;
}

export function createOutbox(
  database: Database,
  {
    nowMs,
    lastSeq,
    transaction,
  }: {
    nowMs: () => number;
    lastSeq: () => number;
    transaction: <T>(work: () => T) => T;
  },
): Outbox {
  const insert = database.prepare(
    'INSERT INTO outbox (issue_id, seq, since_ms, shared_counter) VALUES (?, ?, ?, ?)',
  );
  const update = database.prepare('UPDATE outbox SET seq = ? WHERE issue_id = ?');
  const counter = database
    .prepare<[string], number>('SELECT shared_counter FROM outbox WHERE issue_id = ?')
    .pluck();
  const setCounter = database.prepare(
    'UPDATE outbox SET shared_counter = max(shared_counter, ?) WHERE issue_id = ?',
  );
  const restart = database.prepare('UPDATE outbox SET shared_counter = 0');
  const ids = database.prepare<[], string>('SELECT issue_id FROM outbox ORDER BY issue_id').pluck();
  const summary = database.prepare<
    [number],
    { count: number; oldestMs: number | null; lastSeq: number }
  >(
    `SELECT count(*) AS count, min(since_ms) AS oldestMs, coalesce(max(seq), 0) AS lastSeq
     FROM outbox WHERE seq > ?`,
  );
  const first = database
    .prepare<[number, number], string>(
      'SELECT issue_id FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?',
    )
    .pluck();
  const holds = database
    .prepare<[number], number>('SELECT 1 FROM outbox WHERE seq <= ? LIMIT 1')
    .pluck();
  const clear = database.prepare('DELETE FROM outbox WHERE seq <= ?');
  return {
    add(issueId, { sharedCounter }) {
      const seq = lastSeq();
      if (update.run(seq, issueId).changes > 0) return;
      insert.run(issueId, seq, nowMs(), sharedCounter());
    },
    sharedCounter: (issueId) => counter.get(issueId),
    noteShared: (issueId, shared) => void setCounter.run(shared, issueId),
    restartCounters: () => void restart.run(),
    issueIds: () => ids.all(),
    pending({ after = -1 } = {}) {
      const row = summary.get(after);
      return {
        count: row?.count ?? 0,
        oldestMs: row?.oldestMs ?? undefined,
        lastSeq: row?.lastSeq ?? 0,
        ids: first.all(after, IDS_SHOWN),
      };
    },
    clearThrough(seq) {
      if (holds.get(seq) !== undefined) transaction(() => clear.run(seq));
    },
  };
}
