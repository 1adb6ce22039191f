import type { Database } from '../platform/sqlite.ts';
import { encodeView } from '../core/causal/causal-line.ts';
import { classicPart, decodeLine, lineToJson } from '../core/causal/decode-line.ts';
import { hasConflict } from '../core/causal/conflicts.ts';
import type { IssueState } from '../core/causal/issue-state.ts';
import { counterAt } from '../core/causal/dot.ts';
import { viewIssue } from '../core/causal/view.ts';
import { BdError } from '../core/errors.ts';
import type { IssueId } from '../core/issue-id.ts';
import { parseIssueLine, type IssueJson } from '../core/issue-line.ts';
import type { Issue } from '../core/issue.ts';
import { CAUSAL_CHARS_MAX, LINE_BYTES_MAX, VECTOR_REPLICAS_MAX } from '../core/limits.ts';
import type { Change } from './change.ts';
import type { EdgeCycles } from './edge-cycles.ts';
import type { EventLog } from './event-log.ts';
import { derivedColumns, holdsUp, shardOf } from './issue-columns.ts';
import type { Outbox } from './outbox.ts';
import type { Readiness } from './readiness.ts';
import { createRelations } from './relations.ts';
import type { Replica } from './replica.ts';
import type { Versions } from './lines.ts';

/** The records, with everything that is derived from them. Deleted issues are among them. */
export interface IssueStore {
  get(id: string): Issue | undefined;
  /** All that is known of it, to be changed or joined. */
  state(id: string): IssueState | undefined;
  /** The canonical line, without its newline. */
  line(id: string): string | undefined;
  /** The record as it goes over the wire: cheaper than `get` when nothing is to be changed. */
  json(id: string): IssueJson | undefined;
  /**
   * Writes the record, its indexes, its event and its place in the outbox; a record that is equal
   * changes nothing. Throws `LIMIT_EXCEEDED` or `INVALID_VALUE` for one that could
   * not be read again.
   */
  put(state: IssueState, change: Change): void;
  /** Pages through all lines in id order (bytes); start with ''. */
  linesAfter(id: string, limit: number): { id: IssueId; line: string }[];
  /** The same page as the bytes of a file, `\n` after each line, put together by SQLite; undefined at the end. */
  fileAfter(id: string, limit: number): { last: IssueId; content: Buffer } | undefined;
  /** The lines of one part of the store (shard.ts) as such a file, empty where it has none. */
  shardFile(shard: number): Buffer;
  /** How large the file of all lines is, in bytes. */
  fileBytes(): number;
  count(): number;
}

export function createIssueStore(
  database: Database,
  { events, outbox, versions, readiness, cycles, replica }: Surroundings,
): IssueStore {
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
  const shard = database
    .prepare<[number], Buffer | null>(
      `SELECT CAST(group_concat(record, char(10)) || char(10) AS BLOB)
       FROM (SELECT record FROM issues WHERE shard = ? ORDER BY id LIMIT -1)`,
    )
    .pluck();
  const bytes = database
    .prepare<[], number>('SELECT coalesce(sum(octet_length(record) + 1), 0) FROM issues')
    .pluck();
  const count = database.prepare<[], number>('SELECT count(*) FROM issues').pluck();
  const upsert = database.prepare(UPSERT);

  return {
    get(id) {
      const line = record.get(id);
      return line === undefined ? undefined : decode(line);
    },
    state(id) {
      const line = record.get(id);
      return line === undefined ? undefined : decodeState(line);
    },
    line: (id) => record.get(id),
    json(id) {
      const line = record.get(id);
      return line === undefined ? undefined : lineToJson(line);
    },
    put(state, change) {
      const view = viewIssue(state);
      const { issue } = view;
      const { id } = issue;
      const line = encodeView(state, view);
      const lineBefore = record.get(id);
      if (lineBefore === line) return;
      checkStorable(state, line);
      const before = lineBefore === undefined ? undefined : decode(lineBefore);
      const conflicted = Number(hasConflict(state, view));
      upsert.run({ ...derivedColumns(issue), id, record: line, conflicted, shard: shardOf(id) });
      const { edgesChanged, orderingChanged } = relations.write(view, before);
      const holdsUpChanged = holdsUp(before) !== holdsUp(issue);
      readiness.changed(id, { holdsUpChanged, edgesChanged });
      if (orderingChanged) cycles.changed(id);
      const data = { ...difference(before, issue), ...change.data };
      versions.add(id, events.append(id, change, data), lineBefore);
      if (change.origin === 'remote') return;
      const sharedCounter = (): number =>
        lineBefore === undefined ? 0 : counterAt(decodeState(lineBefore).vector, replica.id());
      outbox.add(id, { sharedCounter });
    },
    linesAfter: (id, limit) => page.all(id, limit),
    fileAfter(id, limit) {
      const page = file.get(id, limit);
      if (page === undefined || page.last === null) return undefined;
      return { last: page.last, content: page.content };
    },
    shardFile: (at) => shard.get(at) ?? Buffer.alloc(0),
    fileBytes: () => bytes.get() ?? 0,
    count: () => count.get() ?? 0,
  };
}

const UPSERT = `
  INSERT INTO issues (id, record, status, priority, issue_type, assignee, created_ms, updated_ms,
    closed_ms, due_ms, defer_ms, comment_count, pinned, off_queue, holds_up,
    conflicted, shard)
  VALUES (@id, @record, @status, @priority, @issue_type, @assignee, @created_ms, @updated_ms,
    @closed_ms, @due_ms, @defer_ms, @comment_count, @pinned, @off_queue, @holds_up,
    @conflicted, @shard)
  ON CONFLICT (id) DO UPDATE SET record = excluded.record, status = excluded.status,
    priority = excluded.priority, issue_type = excluded.issue_type, assignee = excluded.assignee,
    created_ms = excluded.created_ms, updated_ms = excluded.updated_ms,
    closed_ms = excluded.closed_ms, due_ms = excluded.due_ms, defer_ms = excluded.defer_ms,
    comment_count = excluded.comment_count, pinned = excluded.pinned,
    off_queue = excluded.off_queue, holds_up = excluded.holds_up,
    conflicted = excluded.conflicted`;

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
  const parsed = parseIssueLine(classicPart(line), 0);
  return 'issue' in parsed ? parsed.issue : viewIssue(decodeState(line)).issue;
}

function decodeState(line: string): IssueState {
  const decoded = decodeLine(line, 0);
  if (decoded.kind === 'sealed') return decoded.state;
  const why = decoded.kind === 'foreign' ? decoded.why : decoded.problem;
  throw new BdError('STORE_UNUSABLE', {
    message: `the store holds a record that cannot be read: ${why}`,
    remedy: 'Stop the daemon and move .beads/beads.db away: it is rebuilt from the mirror.',
  });
}

/** Throws for a record that others could not take, or nobody read. */
export function checkStorable(state: IssueState, line: string): void {
  refuseTooLarge(state, line);
  refuseUnreadable(line);
}

/** What is stored is read once before: a record that nobody can read is lost, and stops whatever meets it. */
function refuseUnreadable(line: string): void {
  const decoded = decodeLine(line, 0);
  if (decoded.kind === 'sealed') return;
  throw new BdError('INVALID_VALUE', {
    message: `this cannot be stored: ${decoded.kind === 'foreign' ? decoded.why : decoded.problem}`,
    remedy: 'Give another value.',
  });
}

/** What readers refuse must not be written: the others would never see this change, nor any later one. */
function refuseTooLarge({ id, vector }: IssueState, line: string): void {
  const causalChars = line.length - classicPart(line).length;
  const limits = [
    ['bytes', Buffer.byteLength(line), LINE_BYTES_MAX],
    ['characters that its conflicts take', causalChars, CAUSAL_CHARS_MAX],
    ['clones that wrote it', vector.size, VECTOR_REPLICAS_MAX],
  ] as const;
  for (const [what, amount, most] of limits) {
    if (amount <= most) continue;
    throw new BdError('LIMIT_EXCEEDED', {
      message: `${id} would be too large to share: ${amount} ${what}, where ${most} is the most`,
      remedy:
        'Shorten its texts, settle its conflicts with `bd conflicts`, or go on in a new issue.',
    });
  }
}

interface Surroundings {
  events: EventLog;
  outbox: Outbox;
  versions: Versions;
  readiness: Readiness;
  cycles: EdgeCycles;
  replica: Replica;
}
