import BetterSqlite3, { type Database } from 'better-sqlite3';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  STORE_BUSY_TIMEOUT_MS,
  STORE_CHECK_BYTES_MAX,
  SUSPECT_STORE_CHECK_BYTES_MAX,
} from '../core/limits.ts';
import { isNetworkFileSystem } from '../platform/file-system.ts';
import { keepDatabase } from '../platform/sqlite-handles.ts';
import { asidePath, logBytes, moveAside } from './open-files.ts';
import { isOfOther } from './project.ts';
import { isElsewhere } from './replica.ts';
import { DamagedStore, isDamage, storeUnusable } from './store-failure.ts';
import { APPLICATION_ID, readPragma, refuseNewer, upgrade } from './upgrade.ts';

/** Enough for hot pages of 10k issues; SQLite would otherwise keep more than the daemon's own memory. */
const CACHE_KIB = 4_096;

export interface OpenedDatabase {
  database: Database;
  /** Whether writes go to a log beside the file first. */
  hasLog: boolean;
  /** Where an unreadable file was put aside; the caller rebuilds from the mirror and git. */
  movedAside?: string;
}

export interface OpenDatabaseOptions {
  nowMs: number;
  /** What holds this project's issues; undefined where that is not known yet. */
  projectId: string | undefined;
}

/** Opens or creates the store. A damaged or foreign file is moved aside, never deleted, never trusted. */
export function openDatabase(
  path: string,
  { nowMs, projectId }: OpenDatabaseOptions,
): OpenedDatabase {
  try {
    return open(path, projectId);
  } catch (error) {
    if (!isDamage(error) && error !== FOREIGN) throw storeUnusable('open', path, error);
  }
  const movedAside = asidePath(path, nowMs);
  moveAside(path, movedAside);
  return { ...open(path, projectId), movedAside };
}

function open(path: string, projectId: string | undefined): OpenedDatabase {
  const isUnclosed = logBytes(path) > 0;
  const database = keepDatabase(new BetterSqlite3(path, { timeout: STORE_BUSY_TIMEOUT_MS }));
  try {
    const isKnown = readPragma(database, 'application_id') === APPLICATION_ID;
    if (!isKnown && !isEmpty(database)) throw FOREIGN;
    refuseNewer(database);
    if (isKnown) {
      // Put there by another hand, or by one that did not finish.
      const isMoved = isElsewhere(database, path);
      if (isMoved && isOfOther(database, projectId)) throw FOREIGN;
      check(database, { isSuspect: isMoved || isUnclosed });
    }
    const hasLog = chooseJournal(database);
    // An acknowledged write survives a power cut: one fdatasync per transaction, about 0.2 ms.
    database.exec(`PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB}`);
    // When the log is written into the file is ours to say: at no other time has the file a reason to change.
    database.exec('PRAGMA wal_autocheckpoint = 0');
    upgrade(database);
    return { database, hasLog };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Whether there is a write-ahead log: it needs memory that processes share, which network file systems lack. */
function chooseJournal(database: Database): boolean {
  const wanted = isNetworkFileSystem(dirname(database.name)) ? 'DELETE' : 'WAL';
  // Where the log cannot be had, SQLite stays with the journal that it has, and says so here only.
  return database.prepare(`PRAGMA journal_mode = ${wanted}`).pluck().get() === 'wal';
}

/** Throws where there is damage; reads all of the file, about 1 ms for each MB. */
function check(database: Database, { isSuspect }: { isSuspect: boolean }): void {
  const bytesMax = isSuspect ? SUSPECT_STORE_CHECK_BYTES_MAX : STORE_CHECK_BYTES_MAX;
  if (statSync(database.name).size > bytesMax) return;
  const found = database.prepare<[], string>('PRAGMA quick_check(1)').pluck().get();
  if (found !== 'ok') throw new DamagedStore(String(found));
}

/**
 * Writes the log's pages into the file, and cuts the log off. Others who read the store are not waited for:
 * what they still need stays in the log.
 */
export function emptyLog(database: Database): void {
  database.exec('PRAGMA busy_timeout = 0');
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.exec(`PRAGMA busy_timeout = ${STORE_BUSY_TIMEOUT_MS}`);
  }
}

const FOREIGN = new Error('not a store of ours');

function isEmpty(database: Database): boolean {
  const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get();
  return tables === 0;
}
