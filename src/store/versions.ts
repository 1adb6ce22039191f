import type { Database } from 'better-sqlite3';

/**
 * Records as they were before their last changes: an edit that comes in late was made from one of
 * them. Bounded by `forget`.
 */
export interface Versions {
  /** What the event at `seq` replaced; undefined when there was nothing before. */
  add(issueId: string, seq: number, line: string | undefined): void;
  /** Earlier lines of an issue, the latest first. */
  earlier(issueId: string): string[];
  /** Those that the event at `seq` or one before replaced. */
  earlierThan(issueId: string, seq: number): string[];
  /**
   * What an issue showed after the event at `seq`, if it changed since: `line` is null when the issue
   * came later.
   */
  shownAt(issueId: string, seq: number): { line: string | null } | undefined;
  /** Drops what was replaced by the event at `seq` or before. */
  forget(seq: number): void;
}

export function createVersions(database: Database): Versions {
  const insert = database.prepare('INSERT INTO versions (seq, issue_id, line) VALUES (?, ?, ?)');
  const earlier = database
    .prepare<[string, number], string>(
      `SELECT line FROM versions WHERE issue_id = ? AND line IS NOT NULL AND seq <= ?
       ORDER BY seq DESC`,
    )
    .pluck();
  const shown = database.prepare<[string, number], { line: string | null }>(
    'SELECT line FROM versions WHERE issue_id = ? AND seq > ? ORDER BY seq LIMIT 1',
  );
  const forget = database.prepare('DELETE FROM versions WHERE seq <= ?');
  return {
    add: (issueId, seq, line) => void insert.run(seq, issueId, line ?? null),
    earlier: (issueId) => earlier.all(issueId, Number.MAX_SAFE_INTEGER),
    earlierThan: (issueId, seq) => earlier.all(issueId, seq),
    shownAt: (issueId, seq) => shown.get(issueId, seq),
    forget: (seq) => void forget.run(seq),
  };
}
