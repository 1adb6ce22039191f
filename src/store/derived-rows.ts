import { hash } from 'node:crypto';
import { isSameDot, type Dot } from '../core/causal/dot.ts';
import type { View } from '../core/causal/view.ts';
import { DONE_STATUSES, isBlockingType, isOrderingType, isParentType } from '../core/dependency.ts';
import { isDeleted, type Dependency, type Issue } from '../core/issue.ts';
import { timestampMs } from '../core/timestamp.ts';
import type { Database } from '../platform/sqlite.ts';

type SqlValue = string | number | null;

/** The columns that lists and ready work use, as they follow from the record. */
const DERIVED: Readonly<Record<string, (issue: Issue) => SqlValue>> = {
  holds_up: (issue) => Number(holdsUp(issue)),
  ending: ({ id }) => idEnding(id),
  status: ({ status }) => status,
  priority: ({ priority }) => priority,
  issue_type: ({ issue_type: type }) => type,
  assignee: ({ assignee = '' }) => (assignee === '' ? null : assignee),
  created_ms: (issue) => timestampMs(issue.created_at),
  updated_ms: (issue) => timestampMs(issue.updated_at),
  closed_ms: (issue) => msOrNull(issue.closed_at),
  due_ms: (issue) => msOrNull(issue.due_at),
  defer_ms: (issue) => msOrNull(issue.defer_until),
  comment_count: ({ comments }) => comments?.length ?? 0,
  pinned: (issue) => Number(isPinned(issue)),
  off_queue: (issue) => Number(isOffQueue(issue)),
  shard: ({ id }) => shardOf(id),
};

export const DERIVED_COLUMNS: readonly string[] = Object.keys(DERIVED);

const DERIVE = Object.values(DERIVED);

/** The values of these columns, in their order. */
export function derivedValues(issue: Issue): SqlValue[] {
  return DERIVE.map((derive) => derive(issue));
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

/** Whether edges differ from before, and whether some of these decide the order of work. */
interface RelationChange {
  edgesChanged: boolean;
  orderingChanged: boolean;
}

/** Writes the label and dependency rows of an issue. */
export function writeRelations(
  database: Database,
  { view, before }: { view: View; before: Issue | undefined },
): RelationChange {
  const { issue } = view;
  if (before === undefined) return addRelations(database, view);
  if (JSON.stringify(before.labels) !== JSON.stringify(issue.labels)) {
    database.prepare(DROP_LABELS).run(issue.id);
    addLabels(database, issue);
  }
  const [edgesBefore, edges] = [livingEdges(before), livingEdges(issue)];
  if (JSON.stringify(edgesBefore) === JSON.stringify(edges)) {
    const rows = database.prepare<[string], EdgeWrite>(EDGE_WRITES);
    if (edges.length === 0 || areSameWrites(rows.all(issue.id), view)) {
      return { edgesChanged: false, orderingChanged: false };
    }
  }
  database.prepare(DROP_EDGES).run(issue.id);
  addEdges(database, view);
  return { edgesChanged: true, orderingChanged: haveOrder([...edgesBefore, ...edges]) };
}

/** The same for a new issue, which has no rows yet. */
function addRelations(database: Database, view: View): RelationChange {
  addLabels(database, view.issue);
  addEdges(database, view);
  const edges = livingEdges(view.issue);
  return { edgesChanged: edges.length > 0, orderingChanged: haveOrder(edges) };
}

function haveOrder(edges: readonly Dependency[]): boolean {
  return edges.some(({ type }) => isOrderingType(type));
}

function addLabels(database: Database, { id, labels = [] }: Issue): void {
  for (const label of labels) database.prepare(ADD_LABEL).run(id, label);
}

/** A deleted issue keeps its edges in its record, to be restored with it, and has no rows for them. */
function addEdges(database: Database, { issue, edges }: View): void {
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
