import type { CountGroup, IssueFilter } from '../core/query.ts';
import type { Database, SqlText } from '../platform/sqlite.ts';
import {
  otherConditions,
  queueCondition,
  READY_DEFERRED,
  READY_UNDEFERRED,
  statusCondition,
} from './issue-filter.ts';

const STATUSES = 'SELECT DISTINCT status FROM issue_counts WHERE issues > 0 AND';
const HAS_STATUS = 'SELECT 1 FROM issue_counts WHERE status = ? AND issues > 0';
const HAS_TYPE =
  "SELECT 1 FROM issue_counts WHERE status <> 'tombstone' AND issue_type = ? AND issues > 0";
const ID_COUNT = 'SELECT ids FROM id_counts WHERE prefix = ?';
const COUNTED = 'SELECT coalesce(sum(issues), 0) FROM issue_counts WHERE';
const LEAD_TIME =
  "SELECT sum(lead_ms) * 1.0 / sum(closed) FROM issue_counts WHERE status = 'closed'";

/** The columns of `issue_counts`, for the issues of one person. */
const ASSIGNED = `
  SELECT status, pinned, blocked, off_queue, defer_ms IS NOT NULL AS deferred, 1 AS issues
  FROM issues WHERE assignee = ?`;

const TOTALS = (source: string): string => `
  SELECT
    total(issues) FILTER (WHERE status <> 'tombstone') AS total,
    total(issues) FILTER (WHERE status = 'open') AS open,
    total(issues) FILTER (WHERE status = 'in_progress') AS in_progress,
    total(issues) FILTER (WHERE status = 'closed') AS closed,
    total(issues) FILTER (WHERE status = 'deferred') AS deferred,
    total(issues) FILTER (WHERE status = 'tombstone') AS tombstone,
    total(issues) FILTER (WHERE status <> 'tombstone' AND blocked = 1) AS blocked,
    total(issues) FILTER (WHERE status <> 'tombstone' AND pinned = 1) AS pinned
  FROM ${source}`;

const GROUPS: Readonly<Record<CountGroup, string>> = {
  status: 'status',
  priority: "'P' || priority",
  type: 'issue_type',
  assignee: "coalesce(assignee, '(unassigned)')",
  label: "coalesce(label, '(no labels)')",
};

export type Totals = Record<
  'total' | 'open' | 'in_progress' | 'closed' | 'deferred' | 'tombstone' | 'blocked' | 'pinned',
  number
>;

/** How many issues there are, from the counts that the store keeps (schema-steps.ts) where these have the answer. */
export function createIssueCounts(database: Database) {
  const plucked = (sql: string) => database.prepare(sql).pluck();
  const number = ({ sql, values }: SqlText): number => (plucked(sql).get(...values) ?? 0) as number;
  const count = (filter: IssueFilter): number => {
    const { ready_at_ms: readyAtMs } = filter;
    const others = otherConditions(filter);
    const status = statusCondition(filter);
    const where = (source: string, { sql, values }: SqlText, ...more: unknown[]): SqlText => ({
      sql: `${source} ${sql} AND ${others.sql}`,
      values: [...more, ...values, ...others.values],
    });
    if (!others.areCounted) {
      return number(where('SELECT count(*) FROM issues WHERE', queueCondition(filter)));
    }
    if (readyAtMs === undefined) return number(where(COUNTED, status));
    const due = 'SELECT count(*) FROM issues INDEXED BY ready_deferred WHERE';
    return (
      number(where(`${COUNTED} ${READY_UNDEFERRED} AND`, status)) +
      number(where(`${due} ${READY_DEFERRED} AND`, status, readyAtMs))
    );
  };
  return {
    count,
    countBy(filter: IssueFilter, group: CountGroup): { group: string; count: number }[] {
      const others = otherConditions(filter);
      const { sql, values } = queueCondition(filter);
      const isCounted =
        others.areCounted &&
        filter.ready_at_ms === undefined &&
        group !== 'assignee' &&
        group !== 'label';
      const labels = group === 'label' ? 'LEFT JOIN labels ON issue_id = id' : '';
      const source = isCounted
        ? 'sum(issues) AS count FROM issue_counts'
        : `count(*) AS count FROM issues ${labels}`;
      return database
        .prepare<unknown[], { group: string; count: number }>(
          `SELECT ${GROUPS[group]} AS "group", ${source} WHERE ${sql} AND ${others.sql}
           GROUP BY 1 HAVING count > 0 ORDER BY 1`,
        )
        .all(...values, ...others.values);
    },
    /** By status and the like; of one person's issues, or of all. */
    totals(assignee: string | undefined): Totals {
      const source = assignee === undefined ? 'issue_counts' : `(${ASSIGNED})`;
      const values = assignee === undefined ? [] : [assignee];
      return database.prepare(TOTALS(source)).get(...values) as Totals;
    },
    averageLeadTimeMs: (): number => number({ sql: LEAD_TIME, values: [] }),
    /** Those that issues have, of the ones that are asked for. */
    statuses: (filter: IssueFilter): string[] => {
      const { sql, values } = statusCondition(filter);
      return plucked(`${STATUSES} ${sql}`).all(...values) as string[];
    },
    hasStatus: (status: string): boolean => plucked(HAS_STATUS).get(status) === 1,
    /** Deleted issues do not count. */
    hasType: (type: string): boolean => plucked(HAS_TYPE).get(type) === 1,
    /** How many ids have this prefix and are no children: the length of the next id follows from it. */
    idCount: (prefix: string): number => number({ sql: ID_COUNT, values: [prefix] }),
  };
}
