import type { Database } from '../platform/sqlite.ts';
import type { Change } from './change.ts';
import type { State } from './state.ts';

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

/** Number of the `reset` that each log begins with. It is no row: nothing but `read_events` meets it. */
export const RESET_SEQ = 1;

/** Events that one turn of trimming removes at most: some 20 ms of work. */
export const EVENTS_TRIMMED_AT_ONCE = 5_000;

/** How long events are kept: the first of the two limits that is reached counts. */
export interface Retention {
  nowMs: number;
  keepMs: number;
  keepCount: number;
}

/** One event per change, written in the change's own transaction; the oldest are trimmed. */
export function createEventLog(
  database: Database,
  { state, newId }: { state: State; newId: () => string },
) {
  const insert = database.prepare(
    `INSERT INTO events (id, issue_id, kind, actor, origin, created_ms, data)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  const select = database.prepare<[number, number], LoggedEvent & { data: string }>(
    'SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
  );
  const last = database.prepare<[], number>('SELECT coalesce(max(seq), 0) FROM events').pluck();
  const idsAfter = database
    .prepare<[number], string>('SELECT DISTINCT issue_id FROM events WHERE seq > ?')
    .pluck();
  const changeAfter = database
    .prepare<[number], number>("SELECT 1 FROM events WHERE seq > ? AND origin <> 'mirror' LIMIT 1")
    .pluck();
  const lastSeq = (): number => last.get() ?? 0;
  const { start, trim } = createTrimming(database, { state, lastSeq });

  return {
    /** Returns the number of the new event. Part of a transaction. */
    append(
      issueId: string,
      { kind, actor, origin, atMs }: Change,
      data: Record<string, unknown>,
    ): number {
      const row = [newId(), issueId, kind, actor, origin, atMs, JSON.stringify(data)];
      return Number(insert.run(...row).lastInsertRowid);
    },
    read: ({ after, limit }: { after: number; limit: number }): LoggedEvent[] =>
      select
        .all(after, limit)
        .map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> })),
    /** When this log began, in ms; each new log of a workspace has a higher one than the one before. */
    generation: (): number => state.get('generation') ?? 0,
    start,
    lastSeq,
    /** Each issue that has an event after this one, once; undefined where some of these events are gone. */
    issueIdsAfter: (seq: number): string[] | undefined =>
      seq < start() ? undefined : idsAfter.all(seq),
    /** Whether anything but a mirror changed an issue after that event; also true when that is not known any more. */
    hasChangesAfter: (seq: number): boolean =>
      (seq < start() && state.get('changes_trimmed') === true) ||
      changeAfter.get(seq) !== undefined,
    trim,
  };
}

export type EventLog = ReturnType<typeof createEventLog>;

function createTrimming(
  database: Database,
  { state, lastSeq }: { state: State; lastSeq: () => number },
) {
  const first = database.prepare<[], number | null>('SELECT min(seq) FROM events').pluck();
  const firstSince = database
    .prepare<[number, number], number>(
      'SELECT seq FROM events WHERE seq <= ? AND created_ms >= ? ORDER BY seq LIMIT 1',
    )
    .pluck();
  const changeThrough = database
    .prepare<[number], number>("SELECT 1 FROM events WHERE seq <= ? AND origin <> 'mirror' LIMIT 1")
    .pluck();
  const remove = database.prepare('DELETE FROM events WHERE seq <= ?');

  /** The last event that may go now; one before the first where none may. */
  const lastToGo = ({ nowMs, keepMs, keepCount }: Retention): number => {
    const begin = (first.get() ?? 1) - 1;
    const newest = lastSeq();
    const cursors = state.mirrorKeys().map((key) => state.get(key)?.seq ?? -1);
    const most = Math.min(
      begin + EVENTS_TRIMMED_AT_ONCE,
      // The newest stays, as its number is the store's version.
      newest - 1,
      // A file that needs writing whatever happened holds nothing back.
      ...cursors.filter((seq) => seq >= 0),
    );
    const young = firstSince.get(most, nowMs - keepMs);
    const old = young === undefined ? most : young - 1;
    return Math.max(begin, Math.min(most, Math.max(old, newest - keepCount)));
  };

  return {
    /** The number before the first event that is left: 0 while none was trimmed. */
    start: (): number => {
      const seq = first.get() ?? 0;
      return seq <= RESET_SEQ + 1 ? 0 : seq - 1;
    },
    /**
     * Removes some of the events that are not to be kept, but none that a mirror has not been looked at for.
     * Returns whether there are more.
     */
    trim: (retention: Retention, transaction: (work: () => void) => void): boolean => {
      const through = lastToGo(retention);
      if (through < (first.get() ?? Infinity)) return false;
      transaction(() => {
        if (
          state.get('changes_trimmed') === undefined &&
          changeThrough.get(through) !== undefined
        ) {
          state.set('changes_trimmed', true);
        }
        remove.run(through);
      });
      return lastToGo(retention) > through;
    },
  };
}
