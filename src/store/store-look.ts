import BetterSqlite3, { type Database } from 'better-sqlite3';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { messageOf } from '../core/errors.ts';
import { STORE_LOOK_BYTES_MAX, STORE_LOOK_TIMEOUT_MS } from '../core/limits.ts';
import { keepDatabase } from '../platform/sqlite-handles.ts';
import { readSetting } from './settings.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './upgrade.ts';

/** What a store shows to somebody who only looks. */
export type StoreLook =
  | { kind: 'absent' }
  | {
      kind: 'sound';
      outbox: { pending: number; oldestMs: number | undefined };
      syncMemory: string;
    }
  /** Too large to be looked through. */
  | { kind: 'unchecked'; bytes: number }
  | { kind: 'newer'; version: number }
  | { kind: 'foreign' }
  | { kind: 'damaged'; problem: string }
  /** Another program keeps it locked, or it cannot be read. */
  | { kind: 'unreadable'; problem: string };

/**
 * Looks at a store beside whoever works with it, and changes nothing. Without a write-ahead log it is read
 * into memory, as opening it would make one.
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
    const options = { readonly: true, timeout: STORE_LOOK_TIMEOUT_MS };
    return keepDatabase(new BetterSqlite3(path, options));
  }
  const content = readFileSync(path);
  // As a file in memory it has no write-ahead log: the header's two bytes that ask for one.
  if (content.length > 20) content.fill(1, 18, 20);
  return keepDatabase(new BetterSqlite3(content));
}

function look(database: Database): StoreLook {
  const pragma = (name: string) => database.prepare(`PRAGMA ${name}`).pluck().get();
  const isEmpty = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (!isEmpty && pragma('application_id') !== APPLICATION_ID) return { kind: 'foreign' };
  const problem = pragma('quick_check(1)');
  if (problem !== 'ok') return { kind: 'damaged', problem: String(problem) };
  const version = Number(pragma('user_version'));
  if (version > SCHEMA_VERSION) return { kind: 'newer', version };
  return { kind: 'sound', ...readSharing(database) };
}

/** A store of before its first use has no tables. */
function readSharing(database: Database) {
  try {
    const row = database
      .prepare<[], { pending: number; oldestMs: number | null }>(
        'SELECT count(*) AS pending, min(since_ms) AS oldestMs FROM outbox',
      )
      .get();
    const outbox = { pending: row?.pending ?? 0, oldestMs: row?.oldestMs ?? undefined };
    return { outbox, syncMemory: readSetting(database, 'sync_memory') ?? '{}' };
  } catch {
    return { outbox: { pending: 0, oldestMs: undefined }, syncMemory: '{}' };
  }
}

function explain(error: unknown): StoreLook {
  const problem = messageOf(error);
  const code = error instanceof BetterSqlite3.SqliteError ? error.code : '';
  if (code.startsWith('SQLITE_NOTADB')) return { kind: 'foreign' };
  return { kind: code.startsWith('SQLITE_CORRUPT') ? 'damaged' : 'unreadable', problem };
}
