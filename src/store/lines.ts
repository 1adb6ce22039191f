import type { Database } from '../platform/sqlite.ts';

/** Most versions that are kept while a mirror cannot be written. */
export const VERSIONS_MAX = 20_000;

const ADD_VERSION = 'INSERT INTO versions (seq, issue_id, line) VALUES (?, ?, ?)';
const EARLIER = `
  SELECT line FROM versions WHERE issue_id = ? AND line IS NOT NULL AND seq <= ?
  ORDER BY seq DESC`;
const NEXT = 'SELECT line FROM versions WHERE issue_id = ? AND seq > ? ORDER BY seq LIMIT 1';
const FIRST_VERSION = 'SELECT min(seq) FROM versions';
const FORGET = 'DELETE FROM versions WHERE seq <= ?';

/** Records as they were before their last changes: a late edit was made from one of them. */
export function createVersions(database: Database) {
  const earlierThan = (issueId: string, seq: number): string[] =>
    database.prepare<[string, number], string>(EARLIER).pluck().all(issueId, seq);
  const first = (): number | undefined =>
    database.prepare<[], number | null>(FIRST_VERSION).pluck().get() ?? undefined;
  return {
    /** What the event at `seq` replaced; undefined when there was nothing before. */
    add: (issueId: string, seq: number, line: string | undefined): void =>
      void database.prepare(ADD_VERSION).run(seq, issueId, line ?? null),
    /** Earlier lines of an issue, the latest first. */
    earlier: (issueId: string): string[] => earlierThan(issueId, Number.MAX_SAFE_INTEGER),
    /** Those that the event at `seq` or an earlier one replaced. */
    earlierThan,
    /** The oldest event whose replaced version is known. */
    first,
    /** Whether all versions that were replaced after the event at `seq` are known. */
    reachBackTo: (seq: number): boolean => (first() ?? Infinity) - 1 <= seq,
    /**
     * What an issue showed after the event at `seq`, if it changed since: `line` is null when the issue came
     * later. True only where the versions reach back to `seq`.
     */
    shownAt: (issueId: string, seq: number): { line: string | null } | undefined =>
      database.prepare<[string, number], { line: string | null }>(NEXT).get(issueId, seq),
    /** Drops what was replaced by the event at `seq` or before. */
    forget: (seq: number): void => void database.prepare(FORGET).run(seq),
  };
}

export type Versions = ReturnType<typeof createVersions>;

const CARRIED = 'SELECT line, issue_id AS issueId FROM carried_lines';
const CLEAR_CARRIED = 'DELETE FROM carried_lines';
const ADD_CARRIED = 'INSERT INTO carried_lines (line, issue_id) VALUES (?, ?)';

/** A line byte for byte, with its issue's id where that can be read. */
export interface CarriedLine {
  line: Uint8Array;
  issueId: string | undefined;
}

/** Lines of the branch that this bd cannot read. They stay there unchanged, beside ours, for a bd that can. */
export function createCarriedLines(database: Database) {
  return {
    all: (): CarriedLine[] =>
      database
        .prepare<[], { line: Buffer; issueId: string | null }>(CARRIED)
        .all()
        .map(({ line, issueId }) => ({ line, issueId: issueId ?? undefined })),
    replaceBy(lines: readonly CarriedLine[]): void {
      database.prepare(CLEAR_CARRIED).run();
      const insert = database.prepare(ADD_CARRIED);
      for (const { line, issueId } of lines) insert.run(line, issueId ?? null);
    },
  };
}
