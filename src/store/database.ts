import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  STORE_BUSY_TIMEOUT_MS,
  STORE_CHECK_BYTES_MAX,
  SUSPECT_STORE_CHECK_BYTES_MAX,
} from '../core/limits.ts';
import { isNetworkFileSystem } from '../platform/file-system.ts';
import { openSqlite, type Database } from '../platform/sqlite.ts';
import { asidePath, logBytes, moveAside } from './open-files.ts';
import { isElsewhere } from './replica.ts';
import {
  APPLICATION_ID,
  isOutdated,
  readPragma,
  refuseNewer,
  upgrade,
  type SchemaStep,
} from './schema.ts';
import { readState } from './state.ts';
import { DamagedStore, isDamage, storeUnusable } from './store-failure.ts';

/** Enough for the hot pages of 10k issues; SQLite would otherwise keep more than the daemon's own memory. */
const CACHE_KIB = 4_096;

export interface OpenedDatabase {
  database: Database;
  /** Whether writes go to a log beside the file first. */
  hasLog: boolean;
  /** Where a file that could not be used was put; the caller rebuilds from the mirror and git. */
  movedAside?: string;
  /** Of the event log in that file, as far as it could be read. */
  formerGeneration: number;
}

export interface OpenDatabaseOptions {
  nowMs: number;
  /** Which project's issues it is to hold; undefined where that is not known yet. */
  projectId: string | undefined;
  /** Those of this bd, unless a test tries others. */
  steps?: readonly SchemaStep[];
}

/**
 * Opens or creates the store. A file that is damaged, is another program's or project's, or has a schema from
 * before the first release is moved aside: never deleted, never trusted.
 */
export function openDatabase(path: string, options: OpenDatabaseOptions): OpenedDatabase {
  let formerGeneration = 0;
  const noteFormer = (database: Database): void => {
    formerGeneration = generationOf(database);
  };
  try {
    return { ...open(path, { ...options, noteFormer }), formerGeneration };
  } catch (error) {
    if (!isDamage(error) && error !== UNFIT) throw storeUnusable('open', path, error);
  }
  const movedAside = asidePath(path, options.nowMs);
  moveAside(path, movedAside);
  return { ...open(path, options), movedAside, formerGeneration };
}

function open(
  path: string,
  {
    projectId,
    steps,
    noteFormer,
  }: OpenDatabaseOptions & { noteFormer?: (database: Database) => void },
): Pick<OpenedDatabase, 'database' | 'hasLog'> {
  const isUnclosed = logBytes(path) > 0;
  const database = openSqlite(path, { timeoutMs: STORE_BUSY_TIMEOUT_MS });
  try {
    const isKnown = readPragma(database, 'application_id') === APPLICATION_ID;
    if (!isKnown && !isEmpty(database)) throw UNFIT;
    if (isOutdated(database)) throw UNFIT;
    refuseNewer(database, steps);
    if (isKnown) {
      // Another program put it there, or one that did not finish.
      const isMoved = isElsewhere(database, path);
      if (isMoved && isOfOtherProject(database, projectId)) throw UNFIT;
      check(database, { isSuspect: isMoved || isUnclosed });
    }
    const hasLog = chooseJournal(database);
    // An acknowledged write survives a power cut: one fdatasync per transaction, about 0.2 ms.
    database.exec(`PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB}`);
    // We decide when the log is written into the file: at no other time does the file change.
    database.exec('PRAGMA wal_autocheckpoint = 0');
    upgrade(database, steps);
    return { database, hasLog };
  } catch (error) {
    noteFormer?.(database);
    database.close();
    throw error;
  }
}

const UNFIT = new Error('not a store that this bd can use');

/** 0 where it cannot be read: the file may be damaged, or another program's. */
function generationOf(database: Database): number {
  try {
    return readState(database, 'generation') ?? 0;
  } catch {
    return 0;
  }
}

/** The issues of two projects never mix. */
function isOfOtherProject(database: Database, projectId: string | undefined): boolean {
  const theirs = readState(database, 'project_id');
  return projectId !== undefined && theirs !== undefined && theirs !== projectId;
}

/** Whether there is a write-ahead log: it needs memory that processes share, which network file systems lack. */
function chooseJournal(database: Database): boolean {
  const wanted = isNetworkFileSystem(dirname(database.name)) ? 'DELETE' : 'WAL';
  // Where SQLite cannot have the log, it keeps the journal that it has, and says so here only.
  return database.prepare(`PRAGMA journal_mode = ${wanted}`).pluck().get() === 'wal';
}

/** Throws where there is damage; reads the whole file, about 1 ms for each MB. */
function check(database: Database, { isSuspect }: { isSuspect: boolean }): void {
  const bytesMax = isSuspect ? SUSPECT_STORE_CHECK_BYTES_MAX : STORE_CHECK_BYTES_MAX;
  if (statSync(database.name).size > bytesMax) return;
  const found = database.prepare<[], string>('PRAGMA quick_check(1)').pluck().get();
  if (found !== 'ok') throw new DamagedStore(String(found));
}

/**
 * Writes the log's pages into the file, and truncates the log. Does not wait for other readers: what they still
 * need stays in the log.
 */
export function emptyLog(database: Database): void {
  database.exec('PRAGMA busy_timeout = 0');
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.exec(`PRAGMA busy_timeout = ${STORE_BUSY_TIMEOUT_MS}`);
  }
}

export function isEmpty(database: Database): boolean {
  const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get();
  return tables === 0;
}
