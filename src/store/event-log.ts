import type { Database } from 'better-sqlite3';
import type { Change, Origin } from './change.ts';

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

/** Append-only: one event per change, written in the change's own transaction. */
export interface EventLog {
  /** Returns the position of the new event. */
  append(issueId: string, change: Change, data: Record<string, unknown>): number;
  read(range: { after: number; limit: number }): LoggedEvent[];
  lastSeq(): number;
  /** Each issue that has an event after this one, once. */
  issueIdsAfter(seq: number): string[];
  /** Whether a change after that one came from anywhere but `origin`. */
  hasOtherThan(origin: Origin, range: { after: number }): boolean;
}

export function createEventLog(database: Database, { newId }: { newId: () => string }): EventLog {
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
  const other = database
    .prepare<[number, string], number>('SELECT 1 FROM events WHERE seq > ? AND origin <> ? LIMIT 1')
    .pluck();
  return {
    append(issueId, { kind, actor, origin, atMs }, data) {
      const row = [newId(), issueId, kind, actor, origin, atMs, JSON.stringify(data)];
      return Number(insert.run(...row).lastInsertRowid);
    },
    read: ({ after, limit }) =>
      select
        .all(after, limit)
        .map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> })),
    lastSeq: () => last.get() ?? 0,
    issueIdsAfter: (seq) => idsAfter.all(seq),
    hasOtherThan: (origin, { after }) => other.get(after, origin) !== undefined,
  };
}
