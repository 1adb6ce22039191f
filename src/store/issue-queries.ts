import type { Database, Statement } from '../platform/sqlite.ts';
import { lineToJson } from '../core/causal/decode-line.ts';
import type { IssueJson } from '../core/issue-line.ts';
import type { CountGroup, IssueFilter, IssueOrder } from '../core/query.ts';
import { issueConditions, type Conditions } from './issue-conditions.ts';

/** What `hybrid` calls recent. */
const RECENT_MS = 48 * 3_600_000;

/** Questions about the records that the indexes answer; nothing here writes. */
export interface IssueQueries {
  /** `limit` 0 means all. */
  select(filter: IssueFilter, order: IssueOrder & { limit: number; nowMs: number }): IssueJson[];
  count(filter: IssueFilter): number;
  countBy(filter: IssueFilter, group: CountGroup): { group: string; count: number }[];
  labelCounts(): { label: string; count: number }[];
  /** How many ids have this prefix and are no children: the length of the next id follows from it. */
  topLevelCount(prefix: string): number;
  /** At most `limit` ids with `part` in them. */
  idsContaining(part: string, limit: number): string[];
  /** Ids that start with `<parent>.`. */
  idsBelow(parent: string): string[];
  averageLeadTimeMs(): number;
  /** Issues with something in them that is for people to decide, in id order. */
  idsInConflict(): string[];
  isInConflict(id: string): boolean;
}

export function createIssueQueries(database: Database): IssueQueries {
  // LIKE folds ASCII only; people write in every script.
  database.function('holds', { deterministic: true }, (text: unknown, part: unknown) =>
    typeof text === 'string' && typeof part === 'string' && text.toLowerCase().includes(part)
      ? 1
      : 0,
  );
  const records = (sql: string, values: readonly unknown[]): string[] =>
    database
      .prepare<unknown[], string>(sql)
      .pluck()
      .all(...values);
  const prepared = prepareIdQueries(database);

  return {
    select(filter, { sort, reverse = false, limit, nowMs }) {
      const where = issueConditions(filter);
      const stop = reverse ? 0 : limit;
      const from = sourcesOf(filter);
      const rows =
        sort === 'hybrid'
          ? selectHybrid({ from, where, limit: stop, recentMs: nowMs - RECENT_MS, records })
          : records(`${from.byPriority} ${where.sql} ${ORDERS[sort]} LIMIT ?`, [
              ...where.values,
              rowsUpTo(stop),
            ]);
      const ordered = reverse ? rows.reverse() : rows;
      const page = limit > 0 ? ordered.slice(0, limit) : ordered;
      return page.map(lineToJson);
    },
    count(filter) {
      const { sql, values } = issueConditions(filter);
      const { table } = sourcesOf(filter);
      const count = database.prepare<unknown[], number>(`SELECT count(*) FROM ${table} ${sql}`);
      return count.pluck().get(...values) ?? 0;
    },
    countBy(filter, group) {
      const { sql, values } = issueConditions(filter);
      const labels = group === 'label' ? 'LEFT JOIN labels ON issue_id = id' : '';
      const groups = database.prepare<unknown[], { group: string; count: number }>(
        `SELECT ${GROUPS[group]} AS "group", count(*) AS count
         FROM issues ${labels} ${sql} GROUP BY 1 ORDER BY 1`,
      );
      return groups.all(...values);
    },
    labelCounts: () => prepared.labelCounts.all(),
    topLevelCount: (prefix) => prepared.topLevel.get(prefix, prefix) ?? 0,
    idsContaining: (part, limit) => prepared.containing.all(part, limit),
    idsBelow: (parent) => prepared.below.all(parent, parent),
    averageLeadTimeMs: () => prepared.leadTime.get() ?? 0,
    idsInConflict: () => prepared.inConflict.all(),
    isInConflict: (id) => prepared.conflicted.get(id) === 1,
  };
}

interface Sources {
  /** To count: the index holds all that the conditions of ready work look at. */
  table: string;
  byPriority: string;
  byAge: string;
}

/** Ready work names its indexes: without statistics the planner takes the one on `status`. */
function sourcesOf(filter: IssueFilter): Sources {
  const records = (table: string): string => `SELECT record FROM ${table}`;
  if (filter.ready_at_ms === undefined) {
    return { table: 'issues', byPriority: records('issues'), byAge: records('issues') };
  }
  const table = 'issues INDEXED BY ready_by_priority';
  return { table, byPriority: records(table), byAge: records('issues INDEXED BY ready_by_age') };
}

const ORDERS: Readonly<Record<Exclude<IssueOrder['sort'], 'hybrid'>, string>> = {
  priority: 'ORDER BY priority, created_ms DESC, id',
  created: 'ORDER BY created_ms DESC, id',
  updated: 'ORDER BY updated_ms DESC, id',
  closed: 'ORDER BY closed_ms DESC, id',
  status: 'ORDER BY status, priority, created_ms DESC, id',
  id: 'ORDER BY id',
  title: 'ORDER BY title COLLATE NOCASE, id',
  type: 'ORDER BY issue_type, priority, created_ms DESC, id',
  assignee: "ORDER BY coalesce(assignee, ''), priority, created_ms DESC, id",
  oldest: 'ORDER BY created_ms, id',
};

const GROUPS: Readonly<Record<CountGroup, string>> = {
  status: 'status',
  priority: "'P' || priority",
  type: 'issue_type',
  assignee: "coalesce(assignee, '(unassigned)')",
  label: "coalesce(label, '(no labels)')",
};

/** Two index scans, each stopped at the limit, instead of a sort over all that is ready. */
function selectHybrid({
  from,
  where,
  limit,
  recentMs,
  records,
}: {
  from: Sources;
  where: Conditions;
  limit: number;
  recentMs: number;
  records: (sql: string, values: readonly unknown[]) => string[];
}): string[] {
  const values = [...where.values, recentMs];
  const recent = records(
    `${from.byPriority} ${where.sql} AND created_ms >= ? ${ORDERS.priority} LIMIT ?`,
    [...values, rowsUpTo(limit)],
  );
  const missing = limit - recent.length;
  if (limit > 0 && missing <= 0) return recent;
  const older = records(`${from.byAge} ${where.sql} AND created_ms < ? ${ORDERS.oldest} LIMIT ?`, [
    ...values,
    rowsUpTo(missing),
  ]);
  return [...recent, ...older];
}

/** SQLite's word for no limit is a negative one. */
function rowsUpTo(limit: number): number {
  return limit > 0 ? limit : -1;
}

function prepareIdQueries(database: Database): {
  labelCounts: Statement<[], { label: string; count: number }>;
  topLevel: Statement<[string, string], number>;
  containing: Statement<[string, number], string>;
  below: Statement<[string, string], string>;
  leadTime: Statement<[], number | null>;
  inConflict: Statement<[], string>;
  conflicted: Statement<[string], number>;
} {
  return {
    labelCounts: database.prepare(
      `SELECT label, count(*) AS count FROM labels JOIN issues ON id = issue_id
       WHERE status <> 'tombstone' GROUP BY label ORDER BY label`,
    ),
    topLevel: database
      .prepare<[string, string], number>(
        `SELECT count(*) FROM issues
         WHERE id >= ? || '-' AND id < ? || '.' AND instr(id, '.') = 0`,
      )
      .pluck(),
    containing: database
      .prepare<[string, number], string>(
        'SELECT id FROM issues WHERE instr(id, ?) > 0 ORDER BY id LIMIT ?',
      )
      .pluck(),
    // '/' is the byte after '.': the range holds exactly the ids that start with "<parent>.".
    below: database
      .prepare<[string, string], string>(
        "SELECT id FROM issues WHERE id > ? || '.' AND id < ? || '/' ORDER BY id",
      )
      .pluck(),
    leadTime: database
      .prepare<[], number | null>(
        `SELECT avg(closed_ms - created_ms) FROM issues
         WHERE status = 'closed' AND closed_ms IS NOT NULL`,
      )
      .pluck(),
    inConflict: database
      .prepare<[], string>(
        'SELECT id FROM issues INDEXED BY issues_in_conflict WHERE conflicted = 1 ORDER BY id',
      )
      .pluck(),
    conflicted: database
      .prepare<[string], number>('SELECT conflicted FROM issues WHERE id = ?')
      .pluck(),
  };
}
