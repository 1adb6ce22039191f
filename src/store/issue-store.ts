import { encodeIssue, type EncodedIssue } from '../core/causal/causal-line.ts';
import { hasConflict } from '../core/causal/conflicts.ts';
import { classicPart, decodeLine, lineToJson } from '../core/causal/decode-line.ts';
import { counterAt } from '../core/causal/dot.ts';
import { emptyState, type IssueState } from '../core/causal/issue-state.ts';
import { creationWrites, diffToWrites } from '../core/causal/lift.ts';
import { viewIssue } from '../core/causal/view.ts';
import { applyWrites, createState, type Write } from '../core/causal/write.ts';
import { BdError } from '../core/errors.ts';
import type { IssueId } from '../core/issue-id.ts';
import { parseIssueLine, type IssueJson } from '../core/issue-line.ts';
import { changedFields, type Issue } from '../core/issue.ts';
import { CAUSAL_CHARS_MAX, LINE_BYTES_MAX, VECTOR_REPLICAS_MAX } from '../core/limits.ts';
import type { Database } from '../platform/sqlite.ts';
import type { EdgeCycles } from './edge-cycles.ts';
import type { Change, EventLog } from './event-log.ts';
import { DERIVED_COLUMNS, derivedValues, holdsUp, writeRelations } from './derived-rows.ts';
import type { Versions } from './lines.ts';
import type { Outbox } from './outbox.ts';
import { isBlockedSelf, type Readiness } from './readiness.ts';
import type { Replica } from './replica.ts';

const RECORD = 'SELECT record FROM issues WHERE id = ?';
const ABSENT = `
  SELECT value FROM json_each(?) WHERE NOT EXISTS (SELECT 1 FROM issues WHERE id = value)`;
const PAGE = 'SELECT id, record AS line FROM issues WHERE id > ? ORDER BY id LIMIT ?';
// The subquery's LIMIT fixes its order, and it feeds the aggregate: to sort there again doubles the time.
const FILE = `
  SELECT max(id) AS last, CAST(group_concat(record, char(10)) || char(10) AS BLOB) AS content
  FROM (SELECT id, record FROM issues WHERE id > ? ORDER BY id LIMIT ?)`;
const SHARD_FILE = `
  SELECT CAST(group_concat(record, char(10)) || char(10) AS BLOB)
  FROM (SELECT record FROM issues WHERE shard = ? ORDER BY id LIMIT -1)`;
const FILE_BYTES = 'SELECT coalesce(sum(octet_length(record) + 1), 0) FROM issues';
const COUNT = 'SELECT count(*) FROM issues';

// A new row is nearly always written once: what blocks it is there already. The readiness corrects the others.
const INSERT = `
  INSERT INTO issues (id, record, conflicted, ${DERIVED_COLUMNS.join(', ')}, blocked_self, blocked)
  SELECT ?, ?, ?, ${DERIVED_COLUMNS.map(() => '?').join(', ')}, self, self
  FROM (SELECT ${isBlockedSelf({ id: '?', holdsUp: '?' })} AS self)`;

/** An index is written anew for each of its columns that is set, changed or not: only what changed is set. */
function updateSql(changed: readonly string[]): string {
  const set = ['record', 'conflicted', ...changed].map((column) => `${column} = ?`);
  return `UPDATE issues SET ${set.join(', ')} WHERE id = ?`;
}

interface Parts {
  events: EventLog;
  outbox: Outbox;
  versions: Versions;
  readiness: Readiness;
  cycles: EdgeCycles;
  replica: Replica;
}

/** The records, with everything that is derived from them. Deleted issues are among them. */
export function createIssueStore(
  database: Database,
  { events, outbox, versions, readiness, cycles, replica }: Parts,
) {
  const reads = createRecordReads(database);
  const writeRow = ({ state, view, line }: EncodedIssue, before: Issue | undefined): void => {
    const { issue } = view;
    const conflicted = Number(hasConflict(state, view));
    const values = derivedValues(issue);
    if (before === undefined) {
      const holds = Number(holdsUp(issue));
      database.prepare(INSERT).run(issue.id, line, conflicted, ...values, holds, issue.id);
      return;
    }
    const valuesBefore = derivedValues(before);
    const isChanged = (_: unknown, at: number): boolean => values[at] !== valuesBefore[at];
    const sql = updateSql(DERIVED_COLUMNS.filter(isChanged));
    database.prepare(sql).run(line, conflicted, ...values.filter(isChanged), issue.id);
  };
  return {
    ...reads,
    /**
     * Writes the record, its indexes, its event and its place in the outbox; a record that is equal
     * changes nothing. Throws `LIMIT_EXCEEDED` or `INVALID_VALUE` for one that could not be read again.
     */
    put(encoded: EncodedIssue, change: Change): void {
      const { view, line } = encoded;
      const { issue } = view;
      const { id } = issue;
      const lineBefore = reads.line(id);
      if (lineBefore === line) return;
      checkStorable(encoded);
      const before = lineBefore === undefined ? undefined : decode(lineBefore);
      const { edgesChanged, orderingChanged } = writeRelations(database, { view, before });
      writeRow(encoded, before);
      reads.noteWritten(id);
      const holdsUpChanged = holdsUp(before) !== holdsUp(issue);
      readiness.changed(id, { isNew: before === undefined, holdsUpChanged, edgesChanged });
      if (orderingChanged) cycles.changed(id);
      const data = { ...difference(before, issue), ...change.data };
      const seq = events.append(id, change, data);
      versions.add(id, seq, lineBefore);
      if (change.origin === 'remote') return;
      const sharedCounter = (): number =>
        lineBefore === undefined ? 0 : counterAt(decodeState(lineBefore).vector, replica.id());
      outbox.add(id, { seq, sharedCounter });
    },
  };
}

export type IssueStore = ReturnType<typeof createIssueStore>;

function createRecordReads(database: Database) {
  /** Ids that were looked up in advance and have no record. */
  let absent = new Set<string>();
  const line = (id: string): string | undefined =>
    absent.has(id) ? undefined : database.prepare<[string], string>(RECORD).pluck().get(id);
  const read = <T>(id: string, decodeFrom: (line: string) => T): T | undefined => {
    const found = line(id);
    return found === undefined ? undefined : decodeFrom(found);
  };
  return {
    /** Looks up at once which of these issues are there: in a first import none is, and each is asked for often. */
    withLookAhead<T>(ids: readonly string[], work: () => T): T {
      const found = database.prepare<[string], string>(ABSENT).pluck().all(JSON.stringify(ids));
      absent = new Set(found);
      try {
        return work();
      } finally {
        absent = new Set();
      }
    },
    noteWritten: (id: string): void => void absent.delete(id),
    get: (id: string): Issue | undefined => read(id, decode),
    /** All that is known of the issue, to be changed or joined. */
    state: (id: string): IssueState | undefined => read(id, decodeState),
    /** The canonical line, without its newline. */
    line,
    /** The record as it goes over the wire; cheaper than `get`. */
    json: (id: string): IssueJson | undefined => read(id, lineToJson),
    /** Pages through all lines in id order (bytes); start with ''. */
    linesAfter: (id: string, limit: number): { id: IssueId; line: string }[] =>
      database.prepare<[string, number], { id: IssueId; line: string }>(PAGE).all(id, limit),
    /** The same page as the bytes of a file, `\n` after each line, put together by SQLite; undefined at the end. */
    fileAfter(id: string, limit: number): { last: IssueId; content: Buffer } | undefined {
      const page = database
        .prepare<[string, number], { last: IssueId | null; content: Buffer }>(FILE)
        .get(id, limit);
      if (page === undefined || page.last === null) return undefined;
      return { last: page.last, content: page.content };
    },
    /** The lines of one shard as such a file, empty where it has none. */
    shardFile: (shard: number): Buffer =>
      database.prepare<[number], Buffer | null>(SHARD_FILE).pluck().get(shard) ?? Buffer.alloc(0),
    /** How large the file of all lines is, in bytes. */
    fileBytes: (): number => database.prepare<[], number>(FILE_BYTES).pluck().get() ?? 0,
    count: (): number => database.prepare<[], number>(COUNT).pluck().get() ?? 0,
  };
}

/** Changes made by this clone, as writes that have seen all that is stored. */
export function createEdits({ issues, replica }: { issues: IssueStore; replica: Replica }) {
  const put = (state: IssueState, change: Change): Issue => {
    const encoded = encodeIssue(state);
    issues.put(encoded, change);
    return encoded.view.issue;
  };
  return {
    /**
     * Writes how the record differs from the stored one, or the whole of a new one; `updated_at` moves forward.
     * Returns what is then stored. It neither restores a deleted issue nor removes a key that bd does not know:
     * that takes `write`.
     */
    put(issue: Issue, change: Change): Issue {
      const before = issues.state(issue.id);
      const stamp = { replica: replica.id(), nowMs: change.atMs, updatedAt: issue.updated_at };
      const state =
        before === undefined
          ? createState(issue.id, creationWrites(issue), stamp)
          : applyWrites(before, diffToWrites(before, issue), stamp);
      return put(state, change);
    },
    write(id: IssueId, writes: readonly Write[], change: Change): Issue {
      const before = issues.state(id) ?? emptyState(id);
      return put(
        applyWrites(before, writes, { replica: replica.id(), nowMs: change.atMs }),
        change,
      );
    },
  };
}

/** Which fields changed, and from where to where the status went. */
function difference(before: Issue | undefined, after: Issue): Record<string, unknown> {
  if (before === undefined) return {};
  const changed = changedFields(before, after).filter((field) => field !== 'updated_at');
  const isMoved = changed.includes('status');
  return isMoved ? { changed, status: [before.status, after.status] } : { changed };
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

/**
 * Throws for a record that could not be read again, which would be lost and fail every later read, and for one
 * that other clones would refuse as too large: they would see neither this change nor any later one.
 */
export function checkStorable(encoded: EncodedIssue): void {
  const { line, classic } = encoded;
  const { id, vector } = encoded.state;
  const causalChars = line.length - classic.length;
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
  if (encoded.readsBack) return;
  if (encoded.isPlain && 'issue' in parseIssueLine(classic, 0)) return;
  const decoded = decodeLine(line, 0);
  if (decoded.kind === 'sealed') return;
  throw new BdError('INVALID_VALUE', {
    message: `this cannot be stored: ${decoded.kind === 'foreign' ? decoded.why : decoded.problem}`,
    remedy: 'Give another value.',
  });
}
