import { hash } from 'node:crypto';
import { isSameDot, type Dot } from '../core/causal/dot.ts';
import type { View } from '../core/causal/view.ts';
import { DONE_STATUSES, isBlockingType, isOrderingType, isParentType } from '../core/dependency.ts';
import { isDeleted, type Dependency, type Issue } from '../core/issue.ts';
import { timestampMs } from '../core/timestamp.ts';
import type { Database } from '../platform/sqlite.ts';

/** The columns that lists and ready work use, derived from the record. */
export function derivedColumns(issue: Issue): Record<string, unknown> {
  return {
    ending: idEnding(issue.id),
    status: issue.status,
    priority: issue.priority,
    issue_type: issue.issue_type,
    assignee: issue.assignee === '' ? null : (issue.assignee ?? null),
    created_ms: timestampMs(issue.created_at),
    updated_ms: timestampMs(issue.updated_at),
    closed_ms: msOrNull(issue.closed_at),
    due_ms: msOrNull(issue.due_at),
    defer_ms: msOrNull(issue.defer_until),
    comment_count: issue.comments?.length ?? 0,
    pinned: Number(isPinned(issue)),
    off_queue: Number(isOffQueue(issue)),
    holds_up: Number(holdsUp(issue)),
    shard: shardOf(issue.id),
  };
}

/** What people type of an id: the part behind its last hyphen. */
export function idEnding(id: string): string {
  return id.slice(id.lastIndexOf('-') + 1);
}

/** Whether issues that depend on it wait. */
export function holdsUp(issue: Issue | undefined): boolean {
  return issue !== undefined && !DONE_STATUSES.includes(issue.status);
}

function isPinned(issue: Issue): boolean {
  return issue.pinned === true || issue.status === 'pinned';
}

/** The infixes are the classic tool's marks of a molecule's steps. */
function isOffQueue(issue: Issue): boolean {
  return (
    isPinned(issue) ||
    issue.ephemeral === true ||
    issue.is_template === true ||
    /-(?:mol|wisp)-/.test(issue.id)
  );
}

function msOrNull(timestamp: string | undefined): number | null {
  return timestamp === undefined ? null : timestampMs(timestamp);
}

/** Into how many parts the issues of a large project are split on their branch. */
export const SHARDS = 256;

/** The part that an issue belongs to: the first byte of SHA-1 over its id in UTF-8. */
export function shardOf(issueId: string): number {
  return parseInt(hash('sha1', issueId).slice(0, 2), 16);
}

const DROP_LABELS = 'DELETE FROM labels WHERE issue_id = ?';
const ADD_LABEL = 'INSERT OR IGNORE INTO labels VALUES (?, ?)';
const EDGE_WRITES =
  'SELECT depends_on_id, type, replica, counter, ms FROM dependencies WHERE issue_id = ?';
const DROP_EDGES = 'DELETE FROM dependencies WHERE issue_id = ?';
const ADD_EDGE = `
  INSERT OR IGNORE INTO dependencies
    (issue_id, depends_on_id, type, blocking, parent, replica, counter, ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;

/**
 * Writes the label and dependency rows of an issue. Returns whether edges differ from before, and whether some
 * of these decide the order of work.
 */
export function writeRelations(
  database: Database,
  { view, before }: { view: View; before: Issue | undefined },
): { edgesChanged: boolean; orderingChanged: boolean } {
  const { issue } = view;
  if (JSON.stringify(before?.labels) !== JSON.stringify(issue.labels)) {
    database.prepare(DROP_LABELS).run(issue.id);
    for (const label of issue.labels ?? []) database.prepare(ADD_LABEL).run(issue.id, label);
  }
  const [edgesBefore, edges] = [livingEdges(before), livingEdges(issue)];
  if (JSON.stringify(edgesBefore) === JSON.stringify(edges)) {
    const rows = database.prepare<[string], EdgeWrite>(EDGE_WRITES);
    if (edges.length === 0 || areSameWrites(rows.all(issue.id), view)) {
      return { edgesChanged: false, orderingChanged: false };
    }
  }
  writeEdges(database, view);
  const orderingChanged = [...edgesBefore, ...edges].some(({ type }) => isOrderingType(type));
  return { edgesChanged: true, orderingChanged };
}

/** A deleted issue keeps its edges in its record, to be restored with it, and has no rows for them. */
function writeEdges(database: Database, { issue, edges }: View): void {
  database.prepare(DROP_EDGES).run(issue.id);
  if (isDeleted(issue)) return;
  for (const { sibling } of edges) {
    const { depends_on_id: target, type } = sibling.value as Dependency;
    const flags = [Number(isBlockingType(type)), Number(isParentType(type))];
    const { replica, counter, ms } = sibling;
    database.prepare(ADD_EDGE).run(issue.id, target, type, ...flags, replica, counter, ms);
  }
}

interface EdgeWrite extends Dot {
  depends_on_id: string;
  type: string;
}

/** Two clones can add the same edge: which of the two writes shows may change while the edge does not. */
function areSameWrites(rows: readonly EdgeWrite[], { edges }: View): boolean {
  const writes = new Map(edges.map(({ sibling }) => [edgeName(sibling.value), sibling]));
  return rows.every((row) => {
    const sibling = writes.get(edgeName(row));
    return sibling !== undefined && isSameDot(sibling, row) && sibling.ms === row.ms;
  });
}

function edgeName(edge: unknown): string {
  const { depends_on_id: target, type } = edge as Pick<Dependency, 'depends_on_id' | 'type'>;
  return `${type} ${target}`;
}

function livingEdges(issue: Issue | undefined): readonly Dependency[] {
  return issue === undefined || isDeleted(issue) ? [] : (issue.dependencies ?? []);
}
