import { BdError, messageOf } from '../core/errors.ts';
import { STORE_BUSY_TIMEOUT_MS } from '../core/limits.ts';
import { sqliteCode } from '../platform/sqlite.ts';

/** The second: no room for the shared-memory index of the write-ahead log. */
const FULL = new Set(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE']);

/** Damage that bd found and SQLite does not report as an error. */
export class DamagedStore extends Error {}

/** Another program has the store locked. */
export function isBusy(error: unknown): boolean {
  return sqliteCode(error).startsWith('SQLITE_BUSY');
}

/** The file is no database, or its content is corrupt. */
export function isDamage(error: unknown): boolean {
  if (error instanceof DamagedStore) return true;
  if (error instanceof BdError) return isDamage(error.cause);
  return /^SQLITE_(?:NOTADB|CORRUPT)/.test(sqliteCode(error));
}

/** Explains SQLite's failures with the file or the disk; any other error is a bug and is returned unchanged. */
export function explainFailure(path: string, error: unknown): unknown {
  if (error instanceof BdError) return error;
  if (isDamage(error)) return storeDamaged(path, error);
  const isDisk = /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN|BUSY|PROTOCOL)/.test(sqliteCode(error));
  return isDisk ? storeUnusable('write', path, error) : error;
}

export function storeUnusable(what: 'open' | 'write', path: string, error: unknown): BdError {
  if (error instanceof BdError) return error;
  if (isBusy(error)) return storeHeld(what, path, error);
  const isFull = FULL.has(sqliteCode(error));
  const reason = messageOf(error);
  return new BdError('STORE_UNUSABLE', {
    message: `cannot ${what} the store ${path}: ${isFull ? 'the disk is full' : reason}`,
    remedy: isFull
      ? 'Make space on that disk, then run the command again.'
      : 'Check the permissions of that file and its directory, and the free space on the disk.',
    cause: error,
  });
}

function storeHeld(what: 'open' | 'write', path: string, error: unknown): BdError {
  return new BdError('STORE_UNUSABLE', {
    message: `cannot ${what} the store ${path}: another program has kept it locked for ${STORE_BUSY_TIMEOUT_MS / 1000} s`,
    remedy: 'End what has that file open, such as sqlite3 or a backup, then run the command again.',
    cause: error,
  });
}

function storeDamaged(path: string, error: unknown): BdError {
  return new BdError('STORE_UNUSABLE', {
    message: `the store ${path} is damaged: ${messageOf(error)}`,
    remedy:
      'Run the command again: the store is put aside, and built anew from the mirror and git.',
    cause: error,
  });
}
