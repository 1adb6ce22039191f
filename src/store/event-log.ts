import { randomUUID } from 'node:crypto';
import type { Database } from '../platform/sqlite.ts';
import type { State } from './state.ts';

/** Where a change came from: all but `remote` ones are news to the other clones. */
export type Origin = 'local' | 'import' | 'mirror' | 'remote';

export type ChangeKind =
  | 'created'
  | 'updated'
  | 'claimed'
  | 'closed'
  | 'reopened'
  | 'deleted'
  | 'restored'
  /** Deleted long ago: its content is gone. */
  | 'shrunk'
  | 'commented'
  | 'label_added'
  | 'label_removed'
  | 'dependency_added'
  | 'dependency_removed'
  /** Concurrent changes met, and a person may want to decide between them. */
  | 'conflicted'
  | 'conflict_resolved'
  /** Another clone had claimed the issue before this one did. */
  | 'claim_lost'
  /** The issue got another id, because another one had been created with the same. */
  | 'moved';

/** What an event says about one change, beyond what the record itself shows. */
export interface Change {
  kind: ChangeKind;
  actor: string;
  origin: Origin;
  atMs: number;
  /** Details of this kind of event, beside the fields that changed. */
  data?: Record<string, unknown>;
}

export interface LoggedEvent {
  seq: number;
  id: string;
  issue_id: string;
  kind: string;
  actor: string;
  origin: string;
  created_ms: number;
  data: Record<string, unknown>;
}

/** Number of the `reset` that each log begins with. It has no row; only `read_events` shows it. */
export const RESET_SEQ = 1;

/** Most events that one turn of trimming removes: some 20 ms of work. */
export const EVENTS_TRIMMED_AT_ONCE = 5_000;

/** How long events are kept: the first limit that is reached counts. */
export interface Retention {
  nowMs: number;
  keepMs: number;
  keepCount: number;
}

const INSERT = `INSERT INTO events (id, issue_id, kind, actor, origin, created_ms, data)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;
const PAGE = 'SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?';
const LAST_SEQ = 'SELECT coalesce(max(seq), 0) FROM events';
const FIRST_SEQ = 'SELECT min(seq) FROM events';
const IDS_AFTER = 'SELECT DISTINCT issue_id FROM events WHERE seq > ?';
const CHANGE_AFTER = "SELECT 1 FROM events WHERE seq > ? AND origin <> 'mirror' LIMIT 1";
const CHANGE_THROUGH = "SELECT 1 FROM events WHERE seq <= ? AND origin <> 'mirror' LIMIT 1";
const FIRST_SINCE =
  'SELECT seq FROM events WHERE seq <= ? AND created_ms >= ? ORDER BY seq LIMIT 1';
const TRIM = 'DELETE FROM events WHERE seq <= ?';

/** One event per change, written in the change's own transaction; the oldest are trimmed. */
export function createEventLog(database: Database, { state }: { state: State }) {
  const lastSeq = (): number => database.prepare<[], number>(LAST_SEQ).pluck().get() ?? 0;
  const { start, trim } = createTrimming(database, { state, lastSeq });
  return {
    /** Returns the number of the new event. Call inside a transaction. */
    append(
      issueId: string,
      { kind, actor, origin, atMs }: Change,
      data: Record<string, unknown>,
    ): number {
      const row = [newEventId(atMs), issueId, kind, actor, origin, atMs, JSON.stringify(data)];
      return Number(database.prepare(INSERT).run(...row).lastInsertRowid);
    },
    read: ({ after, limit }: { after: number; limit: number }): LoggedEvent[] =>
      database
        .prepare<[number, number], LoggedEvent & { data: string }>(PAGE)
        .all(after, limit)
        .map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> })),
    /** When this log began, in ms; each new log of a workspace has a higher one than the one before. */
    generation: (): number => state.get('generation') ?? 0,
    start,
    lastSeq,
    /** Each issue that has an event after this one, once; undefined where some of these events are gone. */
    issueIdsAfter: (seq: number): string[] | undefined =>
      seq < start() ? undefined : database.prepare<[number], string>(IDS_AFTER).pluck().all(seq),
    /** Whether anything but a mirror changed an issue after that event; also true when that is no longer known. */
    hasChangesAfter: (seq: number): boolean =>
      (seq < start() && state.get('changes_trimmed') === true) ||
      database.prepare(CHANGE_AFTER).pluck().get(seq) !== undefined,
    trim,
  };
}

/** A UUID of version 7: it begins with the time, so that new ones are beside each other in their index. */
function newEventId(atMs: number): string {
  const time = atMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

export type EventLog = ReturnType<typeof createEventLog>;

function createTrimming(
  database: Database,
  { state, lastSeq }: { state: State; lastSeq: () => number },
) {
  const firstSeq = (): number | undefined =>
    database.prepare<[], number | null>(FIRST_SEQ).pluck().get() ?? undefined;
  /** The last event that may go now; one before the first where none may. */
  const lastToGo = ({ nowMs, keepMs, keepCount }: Retention): number => {
    const begin = (firstSeq() ?? 1) - 1;
    const newest = lastSeq();
    const cursors = state.mirrorKeys().map((key) => state.get(key)?.seq ?? -1);
    const most = Math.min(
      begin + EVENTS_TRIMMED_AT_ONCE,
      // The newest stays, as its number is the store's version.
      newest - 1,
      // A negative one is of a file that will be written in any case.
      ...cursors.filter((seq) => seq >= 0),
    );
    const since = database.prepare<[number, number], number>(FIRST_SINCE).pluck();
    const young = since.get(most, nowMs - keepMs);
    const old = young === undefined ? most : young - 1;
    return Math.max(begin, Math.min(most, Math.max(old, newest - keepCount)));
  };
  return {
    /** The number before the first event that is left: 0 while none was trimmed. */
    start: (): number => {
      const seq = firstSeq() ?? 0;
      return seq <= RESET_SEQ + 1 ? 0 : seq - 1;
    },
    /**
     * Removes some of the events past their retention, but none that a mirror has not seen yet. Returns whether
     * there are more.
     */
    trim: (retention: Retention, transaction: (work: () => void) => void): boolean => {
      const through = lastToGo(retention);
      if (through < (firstSeq() ?? Infinity)) return false;
      transaction(() => {
        const isNoted = state.get('changes_trimmed') !== undefined;
        if (!isNoted && database.prepare(CHANGE_THROUGH).pluck().get(through) !== undefined) {
          state.set('changes_trimmed', true);
        }
        database.prepare(TRIM).run(through);
      });
      return lastToGo(retention) > through;
    },
  };
}
