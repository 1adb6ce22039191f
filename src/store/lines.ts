import type { Database } from '../platform/sqlite.ts';

/** Versions that are kept at most, also for a mirror that cannot be written. */
export const VERSIONS_MAX = 20_000;

/**
 * Records as they were before their last changes: an edit that comes in late was made from one of them.
 */
export function createVersions(database: Database) {
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
  const first = database.prepare<[], number | null>('SELECT min(seq) FROM versions').pluck();
  const forget = database.prepare('DELETE FROM versions WHERE seq <= ?');
  return {
    /** What the event at `seq` replaced; undefined when there was nothing before. */
    add: (issueId: string, seq: number, line: string | undefined) =>
      void insert.run(seq, issueId, line ?? null),
    /** Earlier lines of an issue, the latest first. */
    earlier: (issueId: string): string[] => earlier.all(issueId, Number.MAX_SAFE_INTEGER),
    /** Those that the event at `seq` or one before replaced. */
    earlierThan: (issueId: string, seq: number): string[] => earlier.all(issueId, seq),
    /** The oldest event of which it is known what it replaced. */
    first: (): number | undefined => first.get() ?? undefined,
    /** Whether all is known that was replaced after the event at `seq`. */
    reachBackTo: (seq: number): boolean => (first.get() ?? Infinity) - 1 <= seq,
    /**
     * What an issue showed after the event at `seq`, if it changed since: `line` is null when the issue came
     * later. True only where the versions reach back to `seq`.
     */
    shownAt: (issueId: string, seq: number): { line: string | null } | undefined =>
      shown.get(issueId, seq),
    /** Drops what was replaced by the event at `seq` or before. */
    forget: (seq: number) => void forget.run(seq),
  };
}

export type Versions = ReturnType<typeof createVersions>;

/** A line word for word, with its issue's id where that can be told. */
export interface CarriedLine {
  line: Uint8Array;
  issueId: string | undefined;
}

/** Lines of the branch that this bd cannot read. They stay there as they are, beside ours, for a bd that can. */
export function createCarriedLines(database: Database) {
  const select = database.prepare<[], { line: Buffer; issue_id: string | null }>(
    'SELECT line, issue_id FROM carried_lines',
  );
  const clear = database.prepare('DELETE FROM carried_lines');
  const insert = database.prepare('INSERT INTO carried_lines (line, issue_id) VALUES (?, ?)');
  return {
    all: (): CarriedLine[] =>
      select.all().map((row) => ({ line: row.line, issueId: row.issue_id ?? undefined })),
    replaceBy(lines: readonly CarriedLine[]): void {
      clear.run();
      for (const { line, issueId } of lines) insert.run(line, issueId ?? null);
    },
  };
}
