import BetterSqlite3, { type Database } from 'better-sqlite3';
import { existsSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { BdError } from '../core/errors.ts';
import { STORE_BUSY_TIMEOUT_MS, WAL_REST_BYTES_MAX } from '../core/limits.ts';
import { isNetworkFileSystem } from '../platform/file-system.ts';
import { keepDatabase } from '../platform/kept-objects.ts';
import { initial } from './migrations/001-initial.ts';
import { causal } from './migrations/002-causal.ts';
import { shards } from './migrations/003-shards.ts';
import { storeUnusable } from './store-failure.ts';

/** In order; `user_version` counts those that were applied. */
const MIGRATIONS: readonly ((database: Database) => void)[] = [
  (database) => void database.exec(initial),
  causal,
  shards,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Written into the file's header, so that a store of the classic tool is not taken for ours. */
const APPLICATION_ID = 0x62_64_64_31;

/** Enough for hot pages of 10k issues; SQLite would otherwise keep more than the daemon's own memory. */
const CACHE_KIB = 4_096;

export interface OpenedDatabase {
  database: Database;
  /** Where an unreadable file was put aside; the caller rebuilds from the mirror and git. */
  movedAside?: string;
}

/** Opens or creates the store. A damaged or foreign file is moved aside, never deleted, never trusted. */
export function openDatabase(path: string, { nowMs }: { nowMs: number }): OpenedDatabase {
  try {
    return { database: open(path) };
  } catch (error) {
    if (!isDamage(error) && error !== FOREIGN) throw storeUnusable('open', path, error);
  }
  const movedAside = `${path}.aside-${nowMs}`;
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, movedAside + suffix);
  }
  return { database: open(path), movedAside };
}

function open(path: string): Database {
  const database = keepDatabase(new BetterSqlite3(path, { timeout: STORE_BUSY_TIMEOUT_MS }));
  try {
    if (isForeign(database)) throw FOREIGN;
    // The write-ahead log needs memory that processes share, which network file systems do not have.
    const journal = isNetworkFileSystem(dirname(path)) ? 'DELETE' : 'WAL';
    database.exec(`PRAGMA journal_mode = ${journal}`);
    // An acknowledged write survives a power cut: one fdatasync per transaction, about 0.2 ms.
    database.exec(`PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB}`);
    upgrade(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function upgrade(database: Database): void {
  const version = readPragma(database, 'user_version');
  if (version > SCHEMA_VERSION) {
    throw new BdError('STORE_UNUSABLE', {
      message: `${database.name} has schema ${version}; this bd knows ${SCHEMA_VERSION}`,
      remedy: 'Upgrade bd: the store was written by a newer one.',
    });
  }
  if (version === SCHEMA_VERSION) return;
  database
    .transaction(() => {
      for (const migrate of MIGRATIONS.slice(version)) migrate(database);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    })
    .exclusive();
}

/** SQLite writes a log's pages back in time, and leaves the file as large as it ever was. */
export function emptyGrownLog(database: Database): void {
  const log = statSync(`${database.name}-wal`, { throwIfNoEntry: false });
  if ((log?.size ?? 0) <= WAL_REST_BYTES_MAX) return;
  database.exec('PRAGMA busy_timeout = 0');
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.exec(`PRAGMA busy_timeout = ${STORE_BUSY_TIMEOUT_MS}`);
  }
}

const FOREIGN = new Error('not a store of ours');

function isForeign(database: Database): boolean {
  const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get();
  return tables !== 0 && readPragma(database, 'application_id') !== APPLICATION_ID;
}

/** Not `pragma()`: it would leave a statement for the collector. */
function readPragma(database: Database, name: string): number {
  return database.prepare<[], number>(`PRAGMA ${name}`).pluck().get() ?? 0;
}

function isDamage(error: unknown): boolean {
  return error instanceof BetterSqlite3.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code);
}
