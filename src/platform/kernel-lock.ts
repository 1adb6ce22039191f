import { setTimeout as pause } from 'node:timers/promises';
import { BdError, messageOf } from '../core/errors.ts';
import { SQLITE_PATH_BYTES_MAX } from '../core/limits.ts';
import { monotonicMs } from './clock.ts';
import { openSqlite, sqliteCode, type Database } from './sqlite.ts';
import { watchIdentity } from './file-version.ts';

export interface KernelLock {
  release(): void;
}

/** Contenders can block each other's last step, so that none wins: one failed attempt proves nothing. */
const ATTEMPTS_MIN = 5;

const PAUSE_MIN_MS = 5;
const PAUSE_MAX_MS = 25;

/**
 * A lock that the kernel releases with its process: no heartbeat to miss, no stale file to judge. The file
 * stays until its holder removes it with everything that it guards; a process that waited for it then
 * waits for the file that is there now. Undefined when another process holds it for longer than `waitMs`.
 */
export async function acquireKernelLock(
  path: string,
  { waitMs }: { waitMs: number },
): Promise<KernelLock | undefined> {
  let isOpened = watchIdentity(path);
  let database = open(path);
  const endMs = monotonicMs() + waitMs;
  for (let attempt = 1; ; attempt += 1) {
    if (tryLock(database)) {
      if (isOpened()) return { release: () => void database.close() };
      database.close();
      isOpened = watchIdentity(path);
      database = open(path);
      continue;
    }
    if (attempt >= ATTEMPTS_MIN && monotonicMs() >= endMs) break;
    await pause(PAUSE_MIN_MS + Math.random() * (PAUSE_MAX_MS - PAUSE_MIN_MS));
  }
  database.close();
  return undefined;
}

function open(path: string): Database {
  try {
    // Kept reachable: a collected handle closes its file and silently drops the lock. For the same reason
    // the process that holds it must not open the file a second time.
    return openSqlite(path);
  } catch (error) {
    throw unusable(path, error);
  }
}

function tryLock(database: Database): boolean {
  try {
    // Nothing is ever written: a journal in memory takes no space, and a killed holder leaves none. Only the
    // transaction holds the lock: with `locking_mode = EXCLUSIVE`, a failed attempt would keep a shared lock,
    // and two waiting processes would keep each other out for ever.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (sqliteCode(error).startsWith('SQLITE_BUSY')) return false;
    const { name } = database;
    database.close();
    throw unusable(name, error);
  }
}

function unusable(path: string, error: unknown): BdError {
  const bytes = Buffer.byteLength(path);
  const [reason, remedy] =
    bytes > SQLITE_PATH_BYTES_MAX
      ? [
          `a path of ${bytes} bytes is too long for SQLite`,
          `Move the project: the path may have ${SQLITE_PATH_BYTES_MAX} bytes.`,
        ]
      : [messageOf(error), 'Check that the directory is writable and on a local disk.'];
  const message = `cannot lock ${path}: ${reason}`;
  return new BdError('FILE_UNUSABLE', { message, remedy, cause: error });
}
