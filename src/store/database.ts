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
import { APPLICATION_ID, isOutdated, readPragma, refuseNewer, upgrade } from './schema.ts';
import type { SchemaStep } from './schema-steps.ts';
import { readState } from './state.ts';
import { DamagedStore, isDamage, storeUnusable } from './store-failure.ts';

/** Enough for the hot pages of 10k issues; SQLite would otherwise keep more than the daemon's own memory. */
const CACHE_KIB = 4_096;

export interface OpenedDatabase {
  database: Database;
  /** Whether writes go to a log beside the file first. */
  hasLog: boolean;
  /** Where an unusable file was moved to; the caller rebuilds from the mirror and git. */
  movedAside?: string;
  /** Generation of the event log in that file; 0 where it could not be read. */
  formerGeneration: number;
}

export interface OpenDatabaseOptions {
  nowMs: number;
  /** The project whose issues it holds; undefined where that is not known yet. */
  projectId: string | undefined;
  /** Tests try other steps than this bd's. */
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
      // A copied, restored or moved file, or one that was not closed, is the most likely to be damaged.
      const isMoved = isElsewhere(database, path);
      if (isMoved && isOfOtherProject(database, projectId)) throw UNFIT;
      check(database, { isSuspect: isMoved || isUnclosed });
    }
    const hasLog = chooseJournal(database);
    // An acknowledged write survives a power cut: one fdatasync per transaction, about 0.2 ms.
    database.exec(`PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE_KIB}`);
    // Only `shortenLog` writes the log into the file, so any other change of the file is another program's.
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

/** 0 where it cannot be read: the file may be damaged, or not a store of bd. */
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

/** Returns whether there is a write-ahead log; it needs shared memory, which network file systems lack. */
function chooseJournal(database: Database): boolean {
  const wanted = isNetworkFileSystem(dirname(database.name)) ? 'DELETE' : 'WAL';
  // Where SQLite cannot use a log, it keeps the present journal and only returns its name.
  return database.prepare(`PRAGMA journal_mode = ${wanted}`).pluck().get() === 'wal';
}

/** Throws if the file is damaged. Reads all of it, about 1 ms for each MB. */
function check(database: Database, { isSuspect }: { isSuspect: boolean }): void {
  const bytesMax = isSuspect ? SUSPECT_STORE_CHECK_BYTES_MAX : STORE_CHECK_BYTES_MAX;
  if (statSync(database.name).size > bytesMax) return;
  const found = database.prepare<[], string>('PRAGMA quick_check(1)').pluck().get();
  if (found !== 'ok') throw new DamagedStore(String(found));
}

export function isEmpty(database: Database): boolean {
  const tables = database.prepare<[], number>('SELECT count(*) FROM sqlite_schema').pluck().get();
  return tables === 0;
}
