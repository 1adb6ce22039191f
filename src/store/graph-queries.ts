import type { Database } from '../platform/sqlite.ts';

export interface Edge {
  issue_id: string;
  depends_on_id: string;
  type: string;
}

interface Counts {
  dependency_count: number;
  dependent_count: number;
  comment_count: number;
}

const COUNTS = `
  SELECT (SELECT count(*) FROM dependencies WHERE issue_id = @id) AS dependency_count,
         (SELECT count(*) FROM dependencies WHERE depends_on_id = @id) AS dependent_count,
         (SELECT comment_count FROM issues WHERE id = @id) AS comment_count`;
const EDGES = 'SELECT issue_id, depends_on_id, type FROM dependencies';
const DOWN = `${EDGES} WHERE issue_id = ? ORDER BY depends_on_id`;
const UP = `${EDGES} WHERE depends_on_id = ? ORDER BY issue_id`;
const ORDERING = `${EDGES} WHERE blocking = 1 OR parent = 1 OR suppressed = 1`;
const CHILDREN =
  'SELECT DISTINCT issue_id FROM dependencies WHERE depends_on_id = ? AND parent = 1 ORDER BY 1';
const PARENTS =
  'SELECT depends_on_id FROM dependencies WHERE issue_id = ? AND parent = 1 ORDER BY 1';
const BLOCKERS = `
  SELECT DISTINCT d.depends_on_id FROM dependencies d JOIN issues i ON i.id = d.depends_on_id
  WHERE d.issue_id = ? AND d.blocking = 1 AND i.holds_up = 1 ORDER BY 1`;

/** Queries about the edges between issues. */
export function createGraphQueries(database: Database) {
  const idsBy = (sql: string) => database.prepare<[string], string>(sql).pluck();
  return {
    counts: (id: string): Counts => database.prepare(COUNTS).get({ id }) as Counts,
    /** Edges from the issue (`down`) or to it (`up`), in id order. */
    edges: (id: string, direction: 'down' | 'up'): Edge[] =>
      database.prepare<[string], Edge>(direction === 'down' ? DOWN : UP).all(id),
    /** Issues whose parent this one is, in id order. */
    children: (id: string): string[] => idsBy(CHILDREN).all(id),
    /** The first of its parents by id; nearly all issues have one at most. */
    parent: (id: string): string | undefined => idsBy(PARENTS).get(id),
    /** Every edge that decides the order of work, also where it does not count because it closes a cycle. */
    orderingEdges: (): Edge[] => database.prepare<[], Edge>(ORDERING).all(),
    /** Open issues that hold this one up through its own edges, in id order. */
    blockers: (id: string): string[] => idsBy(BLOCKERS).all(id),
  };
}
