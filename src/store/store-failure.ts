import BetterSqlite3 from 'better-sqlite3';
import { BdError } from '../core/errors.ts';

/** The second: there is no room for the index of what is not yet in the file itself. */
const FULL = new Set(['SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE']);

/** Where SQLite failed for the disk's sake, that is said; anything else is a bug, and stays as it is. */
export function explainFailure(path: string, error: unknown): unknown {
  const isDisk = /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN)/.test(codeOf(error));
  return isDisk ? storeUnusable('write', path, error) : error;
}

export function storeUnusable(what: 'open' | 'write', path: string, error: unknown): BdError {
  if (error instanceof BdError) return error;
  const isFull = FULL.has(codeOf(error));
  const reason = error instanceof Error ? error.message : String(error);
  return new BdError('STORE_UNUSABLE', {
    message: `cannot ${what} the store ${path}: ${isFull ? 'the disk is full' : reason}`,
    remedy: isFull
      ? 'Make space on that disk, then run the command again.'
      : 'Check the permissions of that file and its directory, and the free space on the disk.',
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return error instanceof BetterSqlite3.SqliteError ? error.code : '';
}
