import type { Database } from '../platform/sqlite.ts';
import { suppressedEdges } from '../core/causal/cycle-view.ts';
import type { Dot } from '../core/causal/dot.ts';
import { findPath, isBlockingType, isParentType } from '../core/dependency.ts';
import type { Edge } from './graph-queries.ts';
import type { Readiness } from './readiness.ts';
import type { State } from './state.ts';

const TARGETS = `SELECT depends_on_id FROM dependencies
  WHERE issue_id = ? AND (blocking = 1 OR parent = 1)`;
const ORDERING = `SELECT issue_id, depends_on_id, type, replica, counter, ms, suppressed
  FROM dependencies WHERE blocking = 1 OR parent = 1 OR suppressed = 1`;
const SUPPRESSED = `SELECT issue_id, depends_on_id, type
  FROM dependencies INDEXED BY dependencies_suppressed
  WHERE suppressed = 1 ORDER BY issue_id, depends_on_id, type`;
const SUPPRESS = `
  UPDATE dependencies SET suppressed = @suppressed, blocking = @blocking, parent = @parent
  WHERE issue_id = @issue_id AND depends_on_id = @depends_on_id AND type = @type`;

/** With more changed issues than this, one pass over all edges is cheaper than a search from each. */
const SEARCHES_MAX = 10;

/**
 * Clones that do not know of each other's edges can close a cycle together. Which edges then do not count is a
 * function of all edges, so clones agree; their rows are neither blocking nor parent.
 */
export class EdgeCycles {
  readonly #database: Database;
  readonly #state: State;
  readonly #readiness: Readiness;
  readonly #transaction: (work: () => void) => void;
  readonly #changed = new Set<string>();
  #isUnsettled = false;
  /** Another process changed edges, or a transaction failed: it is not known which edges changed. */
  #isLeftOver = false;
  #isStale = true;

  constructor(
    database: Database,
    parts: { state: State; readiness: Readiness; transaction: (work: () => void) => void },
  ) {
    this.#database = database;
    this.#state = parts.state;
    this.#readiness = parts.readiness;
    this.#transaction = parts.transaction;
  }

  /** Call when edges of `issueId` changed that decide the order of work. */
  changed(issueId: string): void {
    this.#refresh();
    this.#changed.add(issueId);
    if (!this.#isUnsettled) this.#state.set('edges_unsettled', true);
    this.#isUnsettled = true;
  }

  /** Decides which edges count; call at the end of what changed edges. */
  settle(): void {
    this.#refresh();
    if (!this.#isUnsettled) return;
    this.#transaction(() => {
      if (this.#mayCloseCycles()) this.#decideAll();
      this.#state.delete('edges_unsettled');
    });
    this.#changed.clear();
    this.#isUnsettled = false;
    this.#isLeftOver = false;
  }

  /** Call when a transaction failed: its decisions were undone. */
  rolledBack(): void {
    this.#isStale = true;
  }

  /** The edges that do not count, in id order. */
  suppressed(): Edge[] {
    return this.#database.prepare<[], Edge>(SUPPRESSED).all();
  }

  #refresh(): void {
    if (!this.#isStale) return;
    this.#changed.clear();
    this.#isUnsettled = this.#state.get('edges_unsettled') !== undefined;
    this.#isLeftOver = this.#isUnsettled;
    this.#isStale = false;
  }

  #mayCloseCycles(): boolean {
    if (this.#isLeftOver || this.#changed.size > SEARCHES_MAX) return true;
    return this.suppressed().length > 0 || [...this.#changed].some((id) => this.#isInCycle(id));
  }

  #isInCycle(id: string): boolean {
    const targetsOf = (from: string): string[] =>
      this.#database.prepare<[string], string>(TARGETS).pluck().all(from);
    return targetsOf(id).some((target) => findPath(target, id, targetsOf) !== undefined);
  }

  #decideAll(): void {
    const rows = this.#database.prepare<[], Edge & Dot & { suppressed: number }>(ORDERING).all();
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
      this.#database.prepare(SUPPRESS).run({
        issue_id,
        depends_on_id,
        type,
        suppressed: Number(isClosing),
        blocking: Number(!isClosing && isBlockingType(type)),
        parent: Number(!isClosing && isParentType(type)),
      });
      this.#readiness.changed(issue_id, { holdsUpChanged: false, edgesChanged: true });
    }
  }
}
