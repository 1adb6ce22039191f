import type { Database } from 'better-sqlite3';

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
  add(issueId: string): void;
  pending(): Pending;
  /** Call with the `lastSeq` seen before the records were read: later changes stay. */
  clearThrough(seq: number): void;
}

export function createOutbox(
  database: Database,
  { nowMs, lastSeq }: { nowMs: () => number; lastSeq: () => number },
): Outbox {
  const insert = database.prepare(
    `INSERT INTO outbox (issue_id, seq, since_ms) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET seq = excluded.seq`,
  );
  const summary = database.prepare<[], { count: number; oldestMs: number | null; lastSeq: number }>(
    `SELECT count(*) AS count, min(since_ms) AS oldestMs, coalesce(max(seq), 0) AS lastSeq FROM outbox`,
  );
  const first = database
    .prepare<[number], string>('SELECT issue_id FROM outbox ORDER BY seq LIMIT ?')
    .pluck();
  const clear = database.prepare('DELETE FROM outbox WHERE seq <= ?');
  return {
    add: (issueId) => void insert.run(issueId, lastSeq(), nowMs()),
    pending() {
      const row = summary.get();
      return {
        count: row?.count ?? 0,
        oldestMs: row?.oldestMs ?? undefined,
        lastSeq: row?.lastSeq ?? 0,
        ids: first.all(IDS_SHOWN),
      };
    },
    clearThrough: (seq) => void clear.run(seq),
  };
}
