import { lineToJson } from '../core/causal/decode-line.ts';
import type { IssueJson } from '../core/issue-line.ts';
import { PRIORITY_MAX, PRIORITY_MIN } from '../core/issue.ts';
import type { IssueFilter, IssueOrder, SortName } from '../core/query.ts';
import type { Database, SqlText } from '../platform/sqlite.ts';
import { createIssueCounts } from './issue-counts.ts';
import { isNarrow, otherConditions, queueCondition, statusCondition } from './issue-filter.ts';
import { defineTextFunctions } from './text-search.ts';

/** What `hybrid` calls recent. */
const RECENT_MS = 48 * 3_600_000;

/** Of more statuses than this each is not looked up alone. */
const MERGED_STATUSES_MAX = 12;

const LABEL_COUNTS = `
  SELECT label, count(*) AS count FROM labels JOIN issues ON id = issue_id
  WHERE status <> 'tombstone' GROUP BY label ORDER BY label`;
// All characters of ids come before '~'.
const IDS_STARTING = `
  SELECT id FROM issues WHERE id >= @text AND id < @text || '~' AND status <> 'tombstone' LIMIT @limit`;
const IDS_ENDING = `
  SELECT id FROM issues WHERE ending >= @text AND ending < @text || '~' AND status <> 'tombstone'
  LIMIT @limit`;
// '/' is the byte after '.': the range holds exactly the ids that start with "<parent>.".
const IDS_BELOW =
  "SELECT id FROM issues WHERE id > @parent || '.' AND id < @parent || '/' ORDER BY id";
const IDS_IN_CONFLICT =
  'SELECT id FROM issues INDEXED BY issues_in_conflict WHERE conflicted = 1 ORDER BY id';
const STATUS = 'SELECT status FROM issues WHERE id = ?';
const CONFLICTED = 'SELECT conflicted FROM issues WHERE id = ?';
const RECORD = 'SELECT record FROM issues WHERE number = ?';
const ROW = `
  SELECT record,
    (SELECT count(*) FROM dependencies WHERE issue_id = issues.id) AS dependency_count,
    (SELECT count(*) FROM dependencies WHERE depends_on_id = issues.id) AS dependent_count,
    comment_count
  FROM issues WHERE number = ?`;

type Order = IssueOrder & { limit: number; nowMs: number };
const BY_PRIORITY: Order = { sort: 'priority', limit: 0, nowMs: 0 };

export interface IssueRow {
  record: string;
  dependency_count: number;
  dependent_count: number;
  comment_count: number;
}

/** Queries about the records that the indexes answer; nothing here writes. */
export function createIssueQueries(database: Database) {
  defineTextFunctions(database);
  const plucked = (sql: string) => database.prepare(sql).pluck();
  const column = (sql: string, ...values: unknown[]): string[] =>
    plucked(sql).all(...values) as string[];
  const counts = createIssueCounts(database);
  const find = (filter: IssueFilter, order: Order): number[] => {
    const select = ({ sql, values }: SqlText): number[] => plucked(sql).all(...values) as number[];
    const { sort } = order;
    if (sort === 'hybrid') return selectHybrid(select, filter, order);
    return select(selection(filter, { ...order, sort, statuses: counts.statuses }));
  };
  return {
    ...counts,
    /** All of them by priority, unless `order` says otherwise; `limit` 0 means all. */
    select: (filter: IssueFilter, order: Order = BY_PRIORITY): IssueJson[] =>
      find(filter, order).map((number) => lineToJson(plucked(RECORD).get(number) as string)),
    /** The first of them, with the number of their edges and comments, and how many there are in all. */
    page(filter: IssueFilter, order: Order): { rows: IssueRow[]; total: number } {
      const { limit } = order;
      // To count few issues takes as long as finding all of them.
      const found = find(filter, isNarrow(filter) ? { ...order, limit: 0 } : order);
      const shown = limit > 0 ? found.slice(0, limit) : found;
      const isWhole = isNarrow(filter) || limit === 0 || found.length < limit;
      return {
        rows: shown.map((number) => database.prepare(ROW).get(number) as IssueRow),
        total: isWhole ? found.length : counts.count(filter),
      };
    },
    labelCounts: (): { label: string; count: number }[] =>
      database.prepare<[], { label: string; count: number }>(LABEL_COUNTS).all(),
    /** At most `limit` ids of issues that are not deleted, which start with the text as a whole or behind their last hyphen. */
    idsStarting(text: string, limit: number): string[] {
      const ids = [IDS_STARTING, IDS_ENDING].flatMap((sql) => column(sql, { text, limit }));
      return [...new Set(ids)].sort().slice(0, limit);
    },
    /** Ids that start with `<parent>.`. */
    idsBelow: (parent: string): string[] => column(IDS_BELOW, { parent }),
    /** Issues with a conflict for people to decide, in id order. */
    idsInConflict: (): string[] => column(IDS_IN_CONFLICT),
    isInConflict: (id: string): boolean => plucked(CONFLICTED).get(id) === 1,
    status: (id: string): string | undefined => plucked(STATUS).get(id) as string | undefined,
  };
}

/** The terms of each order, and their directions. */
const ORDERS: Readonly<Record<Exclude<SortName, 'hybrid'>, readonly string[]>> = {
  priority: ['priority', 'created_ms DESC', 'id'],
  created: ['created_ms DESC', 'id'],
  updated: ['updated_ms DESC', 'id'],
  closed: ['closed_ms DESC', 'id'],
  status: ['status', 'priority', 'created_ms DESC', 'id'],
  id: ['id'],
  title: ["record ->> '$.title' COLLATE NOCASE", 'id'],
  type: ['issue_type', 'priority', 'created_ms DESC', 'id'],
  assignee: ["coalesce(assignee, '')", 'priority', 'created_ms DESC', 'id'],
  oldest: ['created_ms', 'id'],
};

/** The indexes that have an order. Without statistics the planner prefers others. */
const INDEX_OF: Partial<Record<SortName, string>> = {
  created: 'issues_by_creation',
  updated: 'issues_by_update',
  status: 'issues_by_status',
  oldest: 'issues_by_creation',
};
const READY_INDEX_OF: Partial<Record<SortName, string>> = {
  priority: 'ready_by_priority',
  oldest: 'ready_by_age',
};

function orderBy(sort: keyof typeof ORDERS, reverse: boolean): string {
  const opposite = (term: string): string =>
    term.endsWith(' DESC') ? term.slice(0, -' DESC'.length) : `${term} DESC`;
  const terms = reverse ? ORDERS[sort].map(opposite) : ORDERS[sort];
  return `ORDER BY ${terms.join(', ')}`;
}

function indexed(index: string | undefined): string {
  return index === undefined ? 'issues' : `issues INDEXED BY ${index}`;
}

/** The numbers of the issues, in order. */
function selection(
  filter: IssueFilter,
  {
    sort,
    reverse = false,
    limit,
    statuses,
  }: Omit<Order, 'sort'> & {
    sort: keyof typeof ORDERS;
    statuses: (filter: IssueFilter) => string[];
  },
): SqlText {
  const others = otherConditions(filter);
  const rest = `${orderBy(sort, reverse)} LIMIT ?`;
  const from = (source: string, { sql, values }: SqlText): SqlText => ({
    sql: `SELECT number FROM ${source} WHERE ${sql} AND ${others.sql} ${rest}`,
    values: [...values, ...others.values, rowsUpTo(limit)],
  });
  if (isNarrow(filter)) return from('issues', queueCondition(filter));
  if (filter.ready_at_ms !== undefined) {
    return from(indexed(READY_INDEX_OF[sort]), queueCondition(filter));
  }
  if (filter.blocked === true) {
    return from(indexed('issues_blocked'), statusCondition(filter));
  }
  if (sort !== 'priority') return from(indexed(INDEX_OF[sort]), statusCondition(filter));
  const present = statuses(filter);
  if (present.length > MERGED_STATUSES_MAX) return from('issues', statusCondition(filter));
  return merged(present, others, rest, limit);
}

/** Each status is in order in the index: SQLite merges them, and stops at the limit. */
function merged(
  statuses: readonly string[],
  others: SqlText,
  rest: string,
  limit: number,
): SqlText {
  const one = `SELECT number, priority, created_ms, id FROM issues INDEXED BY issues_by_status
    WHERE status = ? AND ${others.sql}`;
  const parts = statuses.length === 0 ? [`${one} AND FALSE`] : statuses.map(() => one);
  const given = statuses.length === 0 ? [''] : statuses;
  return {
    sql: `SELECT number FROM (${parts.join(' UNION ALL ')} ${rest})`,
    values: [...given.flatMap((status) => [status, ...others.values]), rowsUpTo(limit)],
  };
}

/** Two index scans, each stopped at the limit, instead of a sort over all that is ready. */
function selectHybrid(
  select: (query: SqlText) => number[],
  filter: IssueFilter,
  { limit, nowMs, reverse }: Order,
): number[] {
  const recentMs = nowMs - RECENT_MS;
  const [queue, others] = [queueCondition(filter), otherConditions(filter)];
  const isIndexed = filter.ready_at_ms !== undefined && !isNarrow(filter);
  const stop = reverse === true ? 0 : limit;
  const read = (index: string, more: string, sort: 'priority' | 'oldest', rows: number) =>
    select({
      sql: `SELECT number FROM ${indexed(isIndexed ? index : undefined)}
        WHERE ${queue.sql} AND ${others.sql} AND ${more} ${orderBy(sort, false)} LIMIT ?`,
      values: [...queue.values, ...others.values, recentMs, rowsUpTo(rows)],
    });
  const recent = read('ready_by_priority', `${PRIORITIES} AND created_ms >= ?`, 'priority', stop);
  const missing = stop - recent.length;
  const isFull = stop > 0 && missing <= 0;
  const older = isFull ? [] : read('ready_by_age', 'created_ms < ?', 'oldest', missing);
  const rows = [...recent, ...older];
  if (reverse !== true) return rows;
  rows.reverse();
  return limit > 0 ? rows.slice(0, limit) : rows;
}

/** All there are: with them, the recent issues of each are one range of the index. */
const PRIORITIES = `priority IN (${Array.from({ length: PRIORITY_MAX - PRIORITY_MIN + 1 }, (_, at) => PRIORITY_MIN + at).join(', ')})`;

/** In SQLite a negative limit means none. */
function rowsUpTo(limit: number): number {
  return limit > 0 ? limit : -1;
}
