import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { messageOf } from '../core/errors.ts';
import { STORE_LOOK_BYTES_MAX, STORE_LOOK_TIMEOUT_MS } from '../core/limits.ts';
import { openSqlite, sqliteCode, type Database } from '../platform/sqlite.ts';
import { isEmpty } from './database.ts';
import { APPLICATION_ID, isOutdated, readPragma, SCHEMA_VERSION } from './schema.ts';
import { readState } from './state.ts';

/** The state of a store, as seen from outside. */
export type StoreLook =
  | { kind: 'absent' }
  | {
      kind: 'sound';
      outbox: { pending: number; oldestMs: number | undefined };
      syncMemory: unknown;
    }
  /** Too large to be checked as a whole. */
  | { kind: 'unchecked'; bytes: number }
  | { kind: 'newer'; version: number }
  /** From before the first release. */
  | { kind: 'outdated'; version: number }
  | { kind: 'foreign' }
  | { kind: 'damaged'; problem: string }
  /** Another program keeps it locked, or it cannot be read. */
  | { kind: 'unreadable'; problem: string };

/**
 * Inspects a store that other processes may be using, and changes nothing. If it has no write-ahead log, it is
 * read into memory, as opening the file would create one.
 */
export function lookAtStore(path: string): StoreLook {
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file === undefined) return { kind: 'absent' };
  if (!file.isFile()) return { kind: 'unreadable', problem: `${path} is no file` };
  const bytes = file.size;
  if (bytes > STORE_LOOK_BYTES_MAX) return { kind: 'unchecked', bytes };
  let database: Database | undefined;
  try {
    database = open(path);
    return look(database);
  } catch (error) {
    return explain(error);
  } finally {
    database?.close();
  }
}

function open(path: string): Database {
  if (existsSync(`${path}-shm`)) {
    return openSqlite(path, { isReadonly: true, timeoutMs: STORE_LOOK_TIMEOUT_MS });
  }
  const content = readFileSync(path);
  // In memory there is no write-ahead log: clear the header's two bytes that ask for one.
  if (content.length > 20) content.fill(1, 18, 20);
  return openSqlite(content);
}

function look(database: Database): StoreLook {
  // Before its first use a store has no tables.
  if (isEmpty(database)) return { kind: 'sound', ...NOTHING };
  if (readPragma(database, 'application_id') !== APPLICATION_ID) return { kind: 'foreign' };
  const problem: unknown = database.prepare('PRAGMA quick_check(1)').pluck().get();
  if (problem !== 'ok') return { kind: 'damaged', problem: String(problem) };
  const version = readPragma(database, 'user_version');
  if (version > SCHEMA_VERSION) return { kind: 'newer', version };
  if (isOutdated(database)) return { kind: 'outdated', version };
  return { kind: 'sound', ...readSharing(database) };
}

const NOTHING = { outbox: { pending: 0, oldestMs: undefined }, syncMemory: undefined };

function readSharing(database: Database) {
  const row = database
    .prepare<[], { pending: number; oldestMs: number | null }>(
      'SELECT count(*) AS pending, min(since_ms) AS oldestMs FROM outbox',
    )
    .get();
  const outbox = { pending: row?.pending ?? 0, oldestMs: row?.oldestMs ?? undefined };
  return { outbox, syncMemory: readState(database, 'sync_memory') };
}

function explain(error: unknown): StoreLook {
  const problem = messageOf(error);
  const code = sqliteCode(error);
  if (code.startsWith('SQLITE_NOTADB')) return { kind: 'foreign' };
  return { kind: code.startsWith('SQLITE_CORRUPT') ? 'damaged' : 'unreadable', problem };
}
