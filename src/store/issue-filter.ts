import { TOMBSTONE } from '../core/issue.ts';
import type { IssueFilter } from '../core/query.ts';
import { timestampMs } from '../core/timestamp.ts';
import type { SqlText } from '../platform/sqlite.ts';
import { isIndexed, textCondition } from './text-search.ts';

/** Conditions on the columns of `issues`, with AND between them; never empty. */
interface Conditions extends SqlText {
  /** Whether all are about columns that `issue_counts` has too. */
  areCounted: boolean;
}

/** A list is one value, so that the SQL text does not vary with its length. */
const AMONG = '(SELECT value FROM json_each(?))';
const LABELS = 'SELECT 1 FROM labels WHERE issue_id = issues.id';
const LABELLED = 'SELECT issue_id FROM labels WHERE label';

/** What the table `issue_counts` can answer too. */
const COUNTED = {
  priority: 'priority = ?',
  priority_min: 'priority >= ?',
  priority_max: 'priority <= ?',
  issue_type: 'issue_type = ?',
  pinned: 'pinned = ?',
} as const;

/** What each condition is as SQL, which takes its value as the one parameter. */
const CONDITIONS = {
  ...COUNTED,
  ids: `id IN ${AMONG}`,
  assignee: 'assignee = ?',
  labels_any: `id IN (${LABELLED} IN ${AMONG})`,
  parent_id: 'id IN (SELECT issue_id FROM dependencies WHERE depends_on_id = ? AND parent = 1)',
  created_after: 'created_ms > ?',
  created_before: 'created_ms < ?',
  updated_after: 'updated_ms > ?',
  updated_before: 'updated_ms < ?',
  closed_after: 'closed_ms > ?',
  closed_before: 'closed_ms < ?',
  due_after: 'due_ms > ?',
  due_before: 'due_ms < ?',
  title_contains: "holds(record ->> '$.title', ?)",
  description_contains: "holds(record ->> '$.description', ?)",
  notes_contains: "holds(record ->> '$.notes', ?)",
} as const satisfies { [Name in keyof IssueFilter]: string };

/** The filters that leave few issues, which an index finds. */
const NARROW = ['ids', 'assignee', 'labels_any', 'parent_id'] as const;

export function isNarrow(filter: IssueFilter): boolean {
  const { labels = [], text } = filter;
  if (labels.length > 0 || (text !== undefined && isIndexed(text))) return true;
  return NARROW.some((name) => filter[name] !== undefined);
}

/** On columns of `issue_counts`, too. Deleted issues are found only by `statuses`. */
export function statusCondition({ statuses, exclude_statuses: excluded }: IssueFilter): SqlText {
  const living = `status <> '${TOMBSTONE}'`;
  const wanted =
    statuses === undefined
      ? { sql: living, values: [] }
      : { sql: `status IN ${AMONG}`, values: [JSON.stringify(statuses)] };
  if (excluded === undefined) return wanted;
  return {
    sql: `${wanted.sql} AND status NOT IN ${AMONG}`,
    values: [...wanted.values, JSON.stringify(excluded)],
  };
}

/** Word for word the condition of the partial indexes, or SQLite does not use them. */
const READY = "status = 'open' AND blocked = 0 AND off_queue = 0";

/** The same on columns of `issue_counts`, of which all but the deferred ones are ready now. */
export const READY_UNDEFERRED = `${READY} AND deferred = 0`;
export const READY_DEFERRED = `${READY} AND defer_ms <= ?`;

/** The statuses, and for ready work the rest of what makes it ready. */
export function queueCondition(filter: IssueFilter): SqlText {
  const { statuses, exclude_statuses: excluded, ready_at_ms: readyAtMs } = filter;
  if (readyAtMs === undefined) return statusCondition(filter);
  // With `+` no index on the status is used: another one finds fewer issues.
  const ready = isNarrow(filter) ? `+${READY}` : READY;
  const due = `${ready} AND (defer_ms IS NULL OR defer_ms <= ?)`;
  if (statuses === undefined && excluded === undefined) return { sql: due, values: [readyAtMs] };
  const status = statusCondition(filter);
  return { sql: `${due} AND ${status.sql}`, values: [readyAtMs, ...status.values] };
}

/** All conditions but those on the status; ready work has its own. */
export function otherConditions(filter: IssueFilter): Conditions {
  const parts: string[] = [];
  const values: unknown[] = [];
  let areCounted = true;
  const add = (sql: string, ...more: unknown[]): void => {
    parts.push(sql);
    values.push(...more);
  };
  for (const [name, sql] of Object.entries(CONDITIONS)) {
    const value = filter[name as keyof typeof CONDITIONS];
    if (value === undefined) continue;
    add(sql, parameterOf(name, value));
    areCounted &&= Object.hasOwn(COUNTED, name);
  }
  // A literal: a partial index is not used for a parameter.
  if (filter.blocked !== undefined) add(`blocked = ${Number(filter.blocked)}`);
  const counted = parts.length;
  for (const label of filter.labels ?? []) add(`id IN (${LABELLED} = ?)`, label);
  if (filter.no_labels === true) add(`NOT EXISTS (${LABELS})`);
  if (filter.no_assignee === true) add('assignee IS NULL');
  if (filter.empty_description === true) add("coalesce(record ->> '$.description', '') = ''");
  if (filter.deferred === true) add("(status = 'deferred' OR defer_ms IS NOT NULL)");
  if (filter.deferred === false) add("(status <> 'deferred' AND defer_ms IS NULL)");
  if (filter.text !== undefined) {
    const { sql, values: given } = textCondition(filter.text);
    add(sql, ...given);
  }
  return {
    sql: ['TRUE', ...parts].join(' AND '),
    values,
    areCounted: areCounted && parts.length === counted,
  };
}

function parameterOf(name: string, value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string') return Array.isArray(value) ? JSON.stringify(value) : value;
  if (/_(after|before)$/.test(name)) return timestampMs(value);
  return name.endsWith('_contains') ? value.toLowerCase() : value;
}
