import { lineToJson } from '../core/causal/decode-line.ts';
import type { IssueJson } from '../core/issue-line.ts';
import { TOMBSTONE } from '../core/issue.ts';
import type { CountGroup, IssueFilter, IssueOrder } from '../core/query.ts';
import { timestampMs } from '../core/timestamp.ts';
import type { Database } from '../platform/sqlite.ts';

/** What `hybrid` calls recent. */
const RECENT_MS = 48 * 3_600_000;

const LABEL_COUNTS = `
  SELECT label, count(*) AS count FROM labels JOIN issues ON id = issue_id
  WHERE status <> 'tombstone' GROUP BY label ORDER BY label`;
const TOP_LEVEL_COUNT = `
  SELECT count(*) FROM issues
  WHERE id >= @prefix || '-' AND id < @prefix || '.' AND instr(id, '.') = 0`;
const IDS_CONTAINING = 'SELECT id FROM issues WHERE instr(id, ?) > 0 ORDER BY id LIMIT ?';
// '/' is the byte after '.': the range holds exactly the ids that start with "<parent>.".
const IDS_BELOW =
  "SELECT id FROM issues WHERE id > @parent || '.' AND id < @parent || '/' ORDER BY id";
const LEAD_TIME = `
  SELECT avg(closed_ms - created_ms) FROM issues
  WHERE status = 'closed' AND closed_ms IS NOT NULL`;
const IDS_IN_CONFLICT =
  'SELECT id FROM issues INDEXED BY issues_in_conflict WHERE conflicted = 1 ORDER BY id';
const CONFLICTED = 'SELECT conflicted FROM issues WHERE id = ?';

type Order = IssueOrder & { limit: number; nowMs: number };
const BY_PRIORITY: Order = { sort: 'priority', limit: 0, nowMs: 0 };

/** Queries about the records that the indexes answer; nothing here writes. */
export function createIssueQueries(database: Database) {
  // LIKE folds ASCII only; people write in every script.
  database.function('holds', { deterministic: true }, (text: unknown, part: unknown) =>
    Number(
      typeof text === 'string' && typeof part === 'string' && text.toLowerCase().includes(part),
    ),
  );
  const plucked = (sql: string) => database.prepare(sql).pluck();
  const number = (sql: string, ...values: unknown[]): number =>
    (plucked(sql).get(...values) ?? 0) as number;
  const column = (sql: string, ...values: unknown[]): string[] =>
    plucked(sql).all(...values) as string[];
  return {
    /** All of them by priority, unless `order` says otherwise; `limit` 0 means all. */
    select(filter: IssueFilter, order: Order = BY_PRIORITY): IssueJson[] {
      const { sort, reverse = false, limit, nowMs } = order;
      const { byPriority, byAge } = sourcesOf(filter);
      const { sql, values } = issueConditions(filter);
      const stop = reverse ? 0 : limit;
      const records = (source: string, rest: string, ...more: unknown[]): string[] =>
        column(`SELECT record FROM ${source} ${sql} ${rest} LIMIT ?`, ...values, ...more);
      const rows =
        sort === 'hybrid'
          ? selectHybrid(records, { byPriority, byAge, limit: stop, recentMs: nowMs - RECENT_MS })
          : records(byPriority, ORDERS[sort], rowsUpTo(stop));
      const ordered = reverse ? rows.reverse() : rows;
      return (limit > 0 ? ordered.slice(0, limit) : ordered).map(lineToJson);
    },
    count(filter: IssueFilter): number {
      const { sql, values } = issueConditions(filter);
      const { byPriority } = sourcesOf(filter);
      return number(`SELECT count(*) FROM ${byPriority} ${sql}`, ...values);
    },
    countBy(filter: IssueFilter, group: CountGroup): { group: string; count: number }[] {
      const { sql, values } = issueConditions(filter);
      const labels = group === 'label' ? 'LEFT JOIN labels ON issue_id = id' : '';
      const groups = database.prepare<unknown[], { group: string; count: number }>(
        `SELECT ${GROUPS[group]} AS "group", count(*) AS count
         FROM issues ${labels} ${sql} GROUP BY 1 ORDER BY 1`,
      );
      return groups.all(...values);
    },
    labelCounts: (): { label: string; count: number }[] =>
      database.prepare<[], { label: string; count: number }>(LABEL_COUNTS).all(),
    /** How many ids have this prefix and are no children: the length of the next id follows from it. */
    topLevelCount: (prefix: string): number => number(TOP_LEVEL_COUNT, { prefix }),
    /** At most `limit` ids with `part` in them. */
    idsContaining: (part: string, limit: number): string[] => column(IDS_CONTAINING, part, limit),
    /** Ids that start with `<parent>.`. */
    idsBelow: (parent: string): string[] => column(IDS_BELOW, { parent }),
    averageLeadTimeMs: (): number => number(LEAD_TIME),
    /** Issues with a conflict for people to decide, in id order. */
    idsInConflict: (): string[] => column(IDS_IN_CONFLICT),
    isInConflict: (id: string): boolean => number(CONFLICTED, id) === 1,
  };
}

type Sources = Record<'byPriority' | 'byAge', string>;

/** Ready work names its indexes: without statistics the planner takes the one on `status`. */
function sourcesOf(filter: IssueFilter): Sources {
  return filter.ready_at_ms === undefined
    ? { byPriority: 'issues', byAge: 'issues' }
    : {
        byPriority: 'issues INDEXED BY ready_by_priority',
        byAge: 'issues INDEXED BY ready_by_age',
      };
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
function selectHybrid(
  records: (source: string, rest: string, ...more: unknown[]) => string[],
  { byPriority, byAge, limit, recentMs }: Sources & { limit: number; recentMs: number },
): string[] {
  const newest = `AND created_ms >= ? ${ORDERS.priority}`;
  const recent = records(byPriority, newest, recentMs, rowsUpTo(limit));
  const missing = limit - recent.length;
  if (limit > 0 && missing <= 0) return recent;
  const oldest = `AND created_ms < ? ${ORDERS.oldest}`;
  return [...recent, ...records(byAge, oldest, recentMs, rowsUpTo(missing))];
}

/** In SQLite a negative limit means none. */
function rowsUpTo(limit: number): number {
  return limit > 0 ? limit : -1;
}

/** A list is one value, so that the SQL text does not vary with its length. */
const AMONG = '(SELECT value FROM json_each(?))';
const LABELS = 'SELECT 1 FROM labels WHERE issue_id = issues.id';

/** What each condition is as SQL, which takes its value as the one parameter, if any. */
const CONDITIONS = {
  ids: `id IN ${AMONG}`,
  statuses: `status IN ${AMONG}`,
  exclude_statuses: `status NOT IN ${AMONG}`,
  priority: 'priority = ?',
  priority_min: 'priority >= ?',
  priority_max: 'priority <= ?',
  issue_type: 'issue_type = ?',
  assignee: 'assignee = ?',
  pinned: 'pinned = ?',
  blocked: 'blocked = ?',
  labels_any: `EXISTS (${LABELS} AND label IN ${AMONG})`,
  parent_id: 'id IN (SELECT issue_id FROM dependencies WHERE depends_on_id = ? AND parent = 1)',
  created_after: 'created_ms > ?',
  created_before: 'created_ms < ?',
  updated_after: 'updated_ms > ?',
  updated_before: 'updated_ms < ?',
  closed_after: 'closed_ms > ?',
  closed_before: 'closed_ms < ?',
  due_after: 'due_ms > ?',
  due_before: 'due_ms < ?',
  title_contains: 'holds(title, ?)',
  description_contains: 'holds(description, ?)',
  notes_contains: 'holds(notes, ?)',
} as const satisfies { [Name in keyof IssueFilter]: string };

function parameterOf(name: string, value: unknown): unknown {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'string') return Array.isArray(value) ? JSON.stringify(value) : value;
  if (/_(after|before)$/.test(name)) return timestampMs(value);
  return name.endsWith('_contains') ? value.toLowerCase() : value;
}

const SEARCHED = ['id', 'title', 'description', 'design', 'acceptance_criteria', 'notes'];

/** A filter as SQL over the `issues` table: `WHERE …`, never empty. */
function issueConditions(filter: IssueFilter): { sql: string; values: unknown[] } {
  const parts: string[] = [];
  const values: unknown[] = [];
  const add = (sql: string, ...more: unknown[]): void => {
    parts.push(sql);
    values.push(...more);
  };
  const { statuses, labels, deferred, text, ready_at_ms: readyAtMs } = filter;
  if (statuses === undefined && readyAtMs === undefined) add('status <> ?', TOMBSTONE);
  for (const [name, sql] of Object.entries(CONDITIONS)) {
    const value = filter[name as keyof typeof CONDITIONS];
    if (value !== undefined) add(sql, parameterOf(name, value));
  }
  for (const label of labels ?? []) add(`EXISTS (${LABELS} AND label = ?)`, label);
  if (filter.no_labels === true) add(`NOT EXISTS (${LABELS})`);
  if (filter.no_assignee === true) add('assignee IS NULL');
  if (filter.empty_description === true) add("coalesce(description, '') = ''");
  if (deferred === true) add("(status = 'deferred' OR defer_ms IS NOT NULL)");
  if (deferred === false) add("(status <> 'deferred' AND defer_ms IS NULL)");
  if (readyAtMs !== undefined) {
    // Word for word the condition of the partial indexes, or SQLite does not use them.
    add("status = 'open' AND blocked = 0 AND off_queue = 0");
    add('(defer_ms IS NULL OR defer_ms <= ?)', readyAtMs);
  }
  if (text !== undefined) {
    const part = text.toLowerCase();
    const sql = SEARCHED.map((column) => `holds(${column}, ?)`).join(' OR ');
    add(`(${sql})`, ...SEARCHED.map(() => part));
  }
  return { sql: `WHERE ${parts.join(' AND ')}`, values };
}
