import type { Database } from 'better-sqlite3';
import { isBlockingType, isParentType, DONE_STATUSES } from '../core/dependency.ts';
import type { IssueId } from '../core/issue-id.ts';
import { encodeIssueLine, parseIssueLine, type IssueJson } from '../core/issue-line.ts';
import { BdError } from '../core/errors.ts';
import type { Issue } from '../core/issue.ts';
import { timestampMs } from '../core/timestamp.ts';
import type { Change } from './change.ts';
import type { EventLog } from './event-log.ts';
import type { Outbox } from './outbox.ts';
import { createReadiness } from './readiness.ts';

/** The records, with everything that is derived from them. Deleted issues are among them. */
export interface IssueStore {
  get(id: string): Issue | undefined;
  /** The canonical line, without its newline. */
  line(id: string): string | undefined;
  /** The record as it goes over the wire: cheaper than `get` when nothing is to be changed. */
  json(id: string): IssueJson | undefined;
  /** Writes the record, its indexes, its event and its place in the outbox; a record that is equal changes nothing. */
  put(issue: Issue, change: Change): void;
  /** Pages through all lines in id order (bytes); start with ''. */
  linesAfter(id: string, limit: number): { id: IssueId; line: string }[];
  /** The same page as the bytes of a file, `\n` after each line, put together by SQLite; undefined at the end. */
  fileAfter(id: string, limit: number): { last: IssueId; content: Buffer } | undefined;
  count(): number;
}

export function createIssueStore(
  database: Database,
  { events, outbox }: { events: EventLog; outbox: Outbox },
): IssueStore {
  const readiness = createReadiness(database);
  const relations = createRelations(database);
  const record = database
    .prepare<[string], string>('SELECT record FROM issues WHERE id = ?')
    .pluck();
  const page = database.prepare<[string, number], { id: IssueId; line: string }>(
    'SELECT id, record AS line FROM issues WHERE id > ? ORDER BY id LIMIT ?',
  );
  // The subquery's LIMIT fixes its order, and it feeds the aggregate: to sort there again doubles the time.
  const file = database.prepare<[string, number], { last: IssueId | null; content: Buffer }>(
    `SELECT max(id) AS last, CAST(group_concat(record, char(10)) || char(10) AS BLOB) AS content
     FROM (SELECT id, record FROM issues WHERE id > ? ORDER BY id LIMIT ?)`,
  );
  const count = database.prepare<[], number>('SELECT count(*) FROM issues').pluck();
  const upsert = database.prepare(UPSERT);

  return {
    get(id) {
      const line = record.get(id);
      return line === undefined ? undefined : decode(line);
    },
    line: (id) => record.get(id),
    json(id) {
      const line = record.get(id);
      return line === undefined ? undefined : (JSON.parse(line) as IssueJson);
    },
    put(issue, change) {
      const line = encodeIssueLine(issue);
      const lineBefore = record.get(issue.id);
      if (lineBefore === line) return;
      const before = lineBefore === undefined ? undefined : decode(lineBefore);
      upsert.run({ ...derivedColumns(issue), id: issue.id, record: line });
      const edgesChanged = relations.write(issue, before);
      readiness.changed(issue.id, {
        holdsUpChanged: holdsUp(before) !== holdsUp(issue),
        edgesChanged,
      });
      events.append(issue.id, change, difference(before, issue));
      if (change.origin !== 'remote') outbox.add(issue.id);
    },
    linesAfter: (id, limit) => page.all(id, limit),
    fileAfter(id, limit) {
      const page = file.get(id, limit);
      if (page === undefined || page.last === null) return undefined;
      return { last: page.last, content: page.content };
    },
    count: () => count.get() ?? 0,
  };
}

const UPSERT = `
  INSERT INTO issues (id, record, status, priority, issue_type, assignee, created_ms, updated_ms,
    closed_ms, due_ms, defer_ms, comment_count, pinned, off_queue, holds_up)
  VALUES (@id, @record, @status, @priority, @issue_type, @assignee, @created_ms, @updated_ms,
    @closed_ms, @due_ms, @defer_ms, @comment_count, @pinned, @off_queue, @holds_up)
  ON CONFLICT (id) DO UPDATE SET record = excluded.record, status = excluded.status,
    priority = excluded.priority, issue_type = excluded.issue_type, assignee = excluded.assignee,
    created_ms = excluded.created_ms, updated_ms = excluded.updated_ms,
    closed_ms = excluded.closed_ms, due_ms = excluded.due_ms, defer_ms = excluded.defer_ms,
    comment_count = excluded.comment_count, pinned = excluded.pinned,
    off_queue = excluded.off_queue, holds_up = excluded.holds_up`;

function derivedColumns(issue: Issue): Record<string, unknown> {
  return {
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
  };
}

function holdsUp(issue: Issue | undefined): boolean {
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

/** Which fields changed, and from where to where the status went. */
function difference(before: Issue | undefined, after: Issue): Record<string, unknown> {
  if (before === undefined) return {};
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof Issue>;
  keys.delete('updated_at');
  const changed = [...keys].filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
  return {
    changed,
    ...(changed.includes('status') ? { status: [before.status, after.status] } : {}),
  };
}

function decode(line: string): Issue {
  const parsed = parseIssueLine(line, 0);
  if ('issue' in parsed) return parsed.issue;
  throw new BdError('STORE_UNUSABLE', {
    message: `the store holds a record that cannot be read: ${parsed.problem}`,
    remedy: 'Stop the daemon and move .beads/beads.db away: it is rebuilt from the mirror.',
  });
}

/** The label and dependency rows of an issue. */
function createRelations(database: Database): {
  write(issue: Issue, before: Issue | undefined): boolean;
} {
  const dropLabels = database.prepare('DELETE FROM labels WHERE issue_id = ?');
  const addLabel = database.prepare('INSERT OR IGNORE INTO labels VALUES (?, ?)');
  const dropEdges = database.prepare('DELETE FROM dependencies WHERE issue_id = ?');
  const addEdge = database.prepare('INSERT OR IGNORE INTO dependencies VALUES (?, ?, ?, ?, ?)');
  return {
    /** Returns whether the edges differ from before. */
    write(issue, before) {
      if (JSON.stringify(before?.labels) !== JSON.stringify(issue.labels)) {
        dropLabels.run(issue.id);
        for (const label of issue.labels ?? []) addLabel.run(issue.id, label);
      }
      if (JSON.stringify(before?.dependencies) === JSON.stringify(issue.dependencies)) return false;
      dropEdges.run(issue.id);
      for (const { depends_on_id, type } of issue.dependencies ?? []) {
        const flags = [Number(isBlockingType(type)), Number(isParentType(type))];
        addEdge.run(issue.id, depends_on_id, type, ...flags);
      }
      return true;
    },
  };
}
