import { TOMBSTONE } from '../core/issue.ts';
import type { IssueFilter } from '../core/query.ts';
import { timestampMs, type Timestamp } from '../core/timestamp.ts';

/** A list is one value, so that the SQL text does not vary with its length. */
const AMONG = '(SELECT value FROM json_each(?))';

export interface Conditions {
  /** `WHERE …`, never empty. */
  sql: string;
  values: unknown[];
}

/** A filter as SQL over the `issues` table. */
export function issueConditions(filter: IssueFilter): Conditions {
  const parts: string[] = [];
  const values: unknown[] = [];
  const add = (sql: string, ...more: unknown[]): void => {
    parts.push(sql);
    values.push(...more);
  };
  addIdentity(filter, add);
  addTimes(filter, add);
  addTexts(filter, add);
  return { sql: `WHERE ${parts.join(' AND ')}`, values };
}

type Add = (sql: string, ...values: unknown[]) => void;

function addIdentity(filter: IssueFilter, add: Add): void {
  const { ids, statuses, exclude_statuses: excluded, labels, labels_any: labelsAny } = filter;
  if (statuses !== undefined) add(`status IN ${AMONG}`, JSON.stringify(statuses));
  else if (filter.ready_at_ms === undefined) add('status <> ?', TOMBSTONE);
  if (ids !== undefined) add(`id IN ${AMONG}`, JSON.stringify(ids));
  if (excluded !== undefined) add(`status NOT IN ${AMONG}`, JSON.stringify(excluded));
  if (filter.priority !== undefined) add('priority = ?', filter.priority);
  if (filter.priority_min !== undefined) add('priority >= ?', filter.priority_min);
  if (filter.priority_max !== undefined) add('priority <= ?', filter.priority_max);
  if (filter.issue_type !== undefined) add('issue_type = ?', filter.issue_type);
  if (filter.assignee !== undefined) add('assignee = ?', filter.assignee);
  if (filter.no_assignee === true) add('assignee IS NULL');
  if (filter.pinned !== undefined) add('pinned = ?', Number(filter.pinned));
  if (filter.blocked !== undefined) add('blocked = ?', Number(filter.blocked));
  for (const label of labels ?? []) {
    add('EXISTS (SELECT 1 FROM labels WHERE issue_id = issues.id AND label = ?)', label);
  }
  if (labelsAny !== undefined) {
    add(
      `EXISTS (SELECT 1 FROM labels WHERE issue_id = issues.id AND label IN ${AMONG})`,
      JSON.stringify(labelsAny),
    );
  }
  if (filter.no_labels === true) {
    add('NOT EXISTS (SELECT 1 FROM labels WHERE issue_id = issues.id)');
  }
  if (filter.parent_id !== undefined) {
    add(
      'id IN (SELECT issue_id FROM dependencies WHERE depends_on_id = ? AND parent = 1)',
      filter.parent_id,
    );
  }
}

function addTimes(filter: IssueFilter, add: Add): void {
  const bound = (column: string, comparison: string, time: Timestamp | undefined): void => {
    if (time !== undefined) add(`${column} ${comparison} ?`, timestampMs(time));
  };
  bound('created_ms', '>', filter.created_after);
  bound('created_ms', '<', filter.created_before);
  bound('updated_ms', '>', filter.updated_after);
  bound('updated_ms', '<', filter.updated_before);
  bound('closed_ms', '>', filter.closed_after);
  bound('closed_ms', '<', filter.closed_before);
  bound('due_ms', '>', filter.due_after);
  bound('due_ms', '<', filter.due_before);
  if (filter.deferred === true) add("(status = 'deferred' OR defer_ms IS NOT NULL)");
  if (filter.deferred === false) add("(status <> 'deferred' AND defer_ms IS NULL)");
  if (filter.ready_at_ms !== undefined) {
    // Word for word the condition of the partial indexes, or SQLite does not use them.
    add("status = 'open' AND blocked = 0 AND off_queue = 0");
    add('(defer_ms IS NULL OR defer_ms <= ?)', filter.ready_at_ms);
  }
}

function addTexts(filter: IssueFilter, add: Add): void {
  const contains = (column: string, part: string | undefined): void => {
    if (part !== undefined) add(`holds(${column}, ?)`, part.toLowerCase());
  };
  contains('title', filter.title_contains);
  contains('description', filter.description_contains);
  contains('notes', filter.notes_contains);
  if (filter.empty_description === true) add("coalesce(description, '') = ''");
  if (filter.text !== undefined) {
    const part = filter.text.toLowerCase();
    const columns = ['id', 'title', 'description', 'design', 'acceptance_criteria', 'notes'];
    add(
      `(${columns.map((column) => `holds(${column}, ?)`).join(' OR ')})`,
      ...columns.map(() => part),
    );
  }
}
