import type { Database } from '../platform/sqlite.ts';

export interface Edge {
  issue_id: string;
  depends_on_id: string;
  type: string;
}

export interface Counts {
  dependency_count: number;
  dependent_count: number;
  comment_count: number;
}

/** Questions about the edges between issues. */
export interface GraphQueries {
  counts(id: string): Counts;
  /** Edges from the issue (`down`) or to it (`up`), in id order. */
  edges(id: string, direction: 'down' | 'up'): Edge[];
  /** Issues whose parent this one is, in id order. */
  children(id: string): string[];
  /** The first of its parents by id; nearly all issues have one at most. */
  parent(id: string): string | undefined;
  /** Every edge that decides the order of work, also where it does not count because it closes a cycle. */
  orderingEdges(): Edge[];
  /** Open issues that hold this one up through its own edges, in id order. */
  blockers(id: string): string[];
}

export function createGraphQueries(database: Database): GraphQueries {
  const counts = database.prepare<[string, string, string], Counts>(
    `SELECT (SELECT count(*) FROM dependencies WHERE issue_id = ?) AS dependency_count,
            (SELECT count(*) FROM dependencies WHERE depends_on_id = ?) AS dependent_count,
            (SELECT comment_count FROM issues WHERE id = ?) AS comment_count`,
  );
  const columns = 'SELECT issue_id, depends_on_id, type FROM dependencies';
  const down = database.prepare<[string], Edge>(
    `${columns} WHERE issue_id = ? ORDER BY depends_on_id`,
  );
  const up = database.prepare<[string], Edge>(
    `${columns} WHERE depends_on_id = ? ORDER BY issue_id`,
  );
  const children = database
    .prepare<[string], string>(
      'SELECT DISTINCT issue_id FROM dependencies WHERE depends_on_id = ? AND parent = 1 ORDER BY 1',
    )
    .pluck();
  const parent = database
    .prepare<[string], string>(
      'SELECT depends_on_id FROM dependencies WHERE issue_id = ? AND parent = 1 ORDER BY 1',
    )
    .pluck();
  const ordering = database.prepare<[], Edge>(
    `${columns} WHERE blocking = 1 OR parent = 1 OR suppressed = 1`,
  );
  const blockers = database
    .prepare<[string], string>(
      `SELECT DISTINCT d.depends_on_id FROM dependencies d JOIN issues i ON i.id = d.depends_on_id
       WHERE d.issue_id = ? AND d.blocking = 1 AND i.holds_up = 1 ORDER BY 1`,
    )
    .pluck();
  return {
    counts: (id) =>
      counts.get(id, id, id) ?? { dependency_count: 0, dependent_count: 0, comment_count: 0 },
    edges: (id, direction) => (direction === 'down' ? down : up).all(id),
    children: (id) => children.all(id),
    parent: (id) => parent.get(id),
    orderingEdges: () => ordering.all(),
    blockers: (id) => blockers.all(id),
  };
}
