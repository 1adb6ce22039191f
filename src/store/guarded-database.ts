import { BdError } from '../core/errors.ts';
import {
  STORE_BUSY_AGAIN_MS,
  STORE_BUSY_TIMEOUT_MS,
  WAL_BYTES_MAX,
  WAL_REST_BYTES_MAX,
} from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/sqlite.ts';
import { emptyLog, type OpenedDatabase } from './database.ts';
import { createLeadership } from './leadership.ts';
import { asidePath, logBytes, moveAside, separateFromLog, watchOpenFiles } from './open-files.ts';
import { explainFailure, isBusy, isDamage } from './store-failure.ts';

/**
 * `ours`: to be read and written. `replaced`: another file is in its place; what is open here is whole, and
 * worth showing. `overtaken`: another process leads. `broken`: what is in it cannot be believed.
 */
export type StoreStanding = 'ours' | 'replaced' | 'overtaken' | 'broken';

/** An open database, as long as it can be believed and is this process's to write. */
export interface GuardedDatabase {
  /** All or nothing, durable when it returns; calls inside one join it. */
  readonly transaction: <T>(work: () => T) => T;
  /** Empties a write-ahead log that has grown; others who read the store are not waited for. */
  rest(): void;
  /** Asked before each write, and before anything is shown to others. */
  standing(): StoreStanding;
  /** What a failure means for people; one that tells of damage ends the belief in what is read here. */
  explain(error: unknown): unknown;
  /** Puts a broken store aside, so that the next opening makes a sound one. The caller holds the lock. */
  putAside(): void;
  close(): void;
}

export function guardDatabase(
  { database, hasLog }: OpenedDatabase,
  { clock }: { clock: Clock },
): GuardedDatabase {
  const path = database.name;
  const files = watchOpenFiles(path, { hasLog });
  const leadership = createLeadership(database);
  const waitingOnce = createBusyWait(database);
  let isDamaged = false;
  const explain = (error: unknown): unknown => {
    isDamaged ||= isDamage(error);
    return explainFailure(path, error);
  };
  const shortenLog = ({ bytesMax }: { bytesMax: number }): void => {
    // The log of one file is not written into another.
    if (logBytes(path) <= bytesMax || files.standing() !== 'ours') return;
    try {
      emptyLog(database);
    } finally {
      files.noteEmptied();
    }
  };
  const keepLogShort = (): void => {
    try {
      shortenLog({ bytesMax: WAL_BYTES_MAX });
    } catch (error) {
      // What was written is durable in the log, and the next write tries again; a full disk, say.
      explain(error);
    }
  };
  return {
    transaction: (work) => {
      if (database.inTransaction) return work();
      if (files.standing() === 'overwritten') throw overwritten(path);
      try {
        const result = waitingOnce(() => leadership.write(work));
        keepLogShort();
        return result;
      } catch (error) {
        throw explain(error);
      }
    },
    rest: () => shortenLog({ bytesMax: WAL_REST_BYTES_MAX }),
    standing() {
      if (isDamaged) return 'broken';
      const found = files.standing();
      if (found === 'overwritten') return 'broken';
      try {
        return leadership.isOurs() ? found : 'overtaken';
      } catch (error) {
        explain(error);
        // Busy, say: whoever goes on will be told.
        return isDamaged ? 'broken' : found;
      }
    },
    explain,
    putAside() {
      const aside = asidePath(path, clock.nowMs());
      if (isDamaged) moveAside(path, aside);
      else if (files.standing() === 'overwritten') separateFromLog(path, aside);
    },
    close: () => void database.close(),
  };
}

function overwritten(path: string): BdError {
  return new BdError('LOCK_UNAVAILABLE', {
    message: `another program wrote into ${path} while it was open`,
    remedy: 'Run the command again: it opens what is there now.',
  });
}

/**
 * Waits for another program that keeps the store locked, but not twice in a row: waiting blocks the event loop,
 * and the next request in the queue has waited as long already.
 */
export function createBusyWait(
  database: Database,
  { nowMs = () => performance.now() }: { nowMs?: () => number } = {},
): <T>(write: () => T) => T {
  let waitsAfterMs = -Infinity;
  return (write) => {
    const waits = nowMs() >= waitsAfterMs;
    if (!waits) database.exec('PRAGMA busy_timeout = 0');
    try {
      return write();
    } catch (error) {
      if (isBusy(error)) waitsAfterMs = nowMs() + STORE_BUSY_AGAIN_MS;
      throw error;
    } finally {
      if (!waits) database.exec(`PRAGMA busy_timeout = ${STORE_BUSY_TIMEOUT_MS}`);
    }
  };
}
