import type { Database } from '../platform/sqlite.ts';
import { suppressedEdges } from '../core/causal/cycle-view.ts';
import { findPath, isBlockingType, isParentType } from '../core/dependency.ts';
import type { Edge } from './graph-queries.ts';
import type { Readiness } from './readiness.ts';
import type { State } from './state.ts';

/**
 * Clones that do not know of each other's edges can close a cycle together. The edges that then do not
 * count are a function of all edges, so clones agree; their rows are neither blocking nor parent.
 */
export interface EdgeCycles {
  /** Call when edges of `issueId` changed that decide the order of work. */
  changed(issueId: string): void;
  /** Call at the end of what changed edges. */
  settle(): void;
  /** Call when a transaction failed: what was decided in it is not. */
  rolledBack(): void;
  /** The edges that do not count, in id order. */
  suppressed(): Edge[];
}

/** More changed issues than this are cheaper looked at all at once. */
const LOOKUPS_MAX = 10;

interface WrittenRow extends Edge {
  replica: string;
  counter: number;
  ms: number;
  suppressed: number;
}

export function createEdgeCycles(
  database: Database,
  {
    state,
    readiness,
    transaction,
  }: { state: State; readiness: Readiness; transaction: (work: () => void) => void },
): EdgeCycles {
  const targets = database
    .prepare<[string], string>(
      'SELECT depends_on_id FROM dependencies WHERE issue_id = ? AND (blocking = 1 OR parent = 1)',
    )
    .pluck();
  const written = database.prepare<[], WrittenRow>(
    `SELECT issue_id, depends_on_id, type, replica, counter, ms, suppressed FROM dependencies
     WHERE blocking = 1 OR parent = 1 OR suppressed = 1`,
  );
  const suppressed = database.prepare<[], Edge>(
    `SELECT issue_id, depends_on_id, type FROM dependencies INDEXED BY dependencies_suppressed
     WHERE suppressed = 1 ORDER BY issue_id, depends_on_id, type`,
  );
  const mark = database.prepare(
    `UPDATE dependencies SET suppressed = @suppressed, blocking = @blocking, parent = @parent
     WHERE issue_id = @issue_id AND depends_on_id = @depends_on_id AND type = @type`,
  );
  const changed = new Set<string>();
  let isUnsettled = false;
  /** Which edges changed is not known: another process did it, or a transaction failed. */
  let isLeftOver = false;
  let isStale = true;
  const refresh = (): void => {
    if (!isStale) return;
    changed.clear();
    isUnsettled = state.get('edges_unsettled') !== undefined;
    isLeftOver = isUnsettled;
    isStale = false;
  };

  const closesCycle = (id: string): boolean =>
    targets.all(id).some((target) => findPath(target, id, (at) => targets.all(at)) !== undefined);

  const decideAll = (): void => {
    const rows = written.all();
    const edges = rows.map((row) => ({
      from: row.issue_id,
      to: row.depends_on_id,
      type: row.type,
      dot: row,
    }));
    const closing = new Set<unknown>(suppressedEdges(edges));
    for (const [at, row] of rows.entries()) {
      const isClosing = closing.has(edges[at]);
      if (isClosing === (row.suppressed === 1)) continue;
      const { issue_id, depends_on_id, type } = row;
      mark.run({
        issue_id,
        depends_on_id,
        type,
        suppressed: Number(isClosing),
        blocking: Number(!isClosing && isBlockingType(type)),
        parent: Number(!isClosing && isParentType(type)),
      });
      readiness.changed(issue_id, { holdsUpChanged: false, edgesChanged: true });
    }
  };

  return {
    changed(issueId) {
      refresh();
      changed.add(issueId);
      if (!isUnsettled) state.set('edges_unsettled', true);
      isUnsettled = true;
    },
    settle() {
      refresh();
      if (!isUnsettled) return;
      transaction(() => {
        const isMany = isLeftOver || changed.size > LOOKUPS_MAX || suppressed.get() !== undefined;
        if (isMany || [...changed].some(closesCycle)) decideAll();
        state.delete('edges_unsettled');
      });
      changed.clear();
      isUnsettled = false;
      isLeftOver = false;
    },
    rolledBack() {
      isStale = true;
    },
    suppressed: () => suppressed.all(),
  };
}
