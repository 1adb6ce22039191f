import type { Database } from '../platform/sqlite.ts';

export interface Edge {
  issue_id: string;
  depends_on_id: string;
  type: string;
}

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
// A child that is linked twice counts once.
const CHILD_PROGRESS = `
  SELECT count(*) AS total, count(*) FILTER (WHERE status = 'closed') AS closed
  FROM (SELECT DISTINCT issue_id FROM dependencies WHERE depends_on_id = ? AND parent = 1)
    CROSS JOIN issues ON id = issue_id
  WHERE status <> 'tombstone'`;
const CHILD_OF_EPIC = `
  SELECT 1 FROM dependencies d CROSS JOIN issues child ON child.id = d.issue_id
  WHERE d.depends_on_id = epic.id AND d.parent = 1`;
const FINISHED_EPICS = `
  SELECT count(*) FROM issues epic INDEXED BY epics_open
  WHERE issue_type = 'epic' AND status NOT IN ('closed', 'tombstone')
    AND NOT EXISTS (${CHILD_OF_EPIC} AND child.status NOT IN ('closed', 'tombstone'))
    AND EXISTS (${CHILD_OF_EPIC} AND child.status = 'closed')`;

/** Queries about the edges between issues. */
export function createGraphQueries(database: Database) {
  const idsBy = (sql: string) => database.prepare<[string], string>(sql).pluck();
  return {
    /** Edges from the issue (`down`) or to it (`up`), in id order. */
    edges: (id: string, direction: 'down' | 'up'): Edge[] =>
      database.prepare<[string], Edge>(direction === 'down' ? DOWN : UP).all(id),
    /** Issues whose parent this one is, in id order. */
    children: (id: string): string[] => idsBy(CHILDREN).all(id),
    /** How many children it has that are not deleted, and how many of them are closed. */
    childProgress: (id: string) =>
      database.prepare(CHILD_PROGRESS).get(id) as { total: number; closed: number },
    /** How many open epics have children, all of them closed. */
    finishedEpics: (): number => database.prepare<[], number>(FINISHED_EPICS).pluck().get() ?? 0,
    /** The first of its parents by id; nearly all issues have one at most. */
    parent: (id: string): string | undefined => idsBy(PARENTS).get(id),
    /** Every edge that decides the order of work, also where it does not count because it closes a cycle. */
    orderingEdges: (): Edge[] => database.prepare<[], Edge>(ORDERING).all(),
    /** Open issues that hold this one up through its own edges, in id order. */
    blockers: (id: string): string[] => idsBy(BLOCKERS).all(id),
  };
}
