import { BdError } from '../core/errors.ts';
import {
  STORE_BUSY_AGAIN_MS,
  STORE_BUSY_TIMEOUT_MS,
  WAL_BYTES_MAX,
  WAL_REST_BYTES_MAX,
} from '../core/limits.ts';
import { monotonicMs, type Clock } from '../platform/clock.ts';
import type { Database } from '../platform/sqlite.ts';
import type { OpenedDatabase } from './database.ts';
import { createLeadership } from './leadership.ts';
import {
  asidePath,
  moveAside,
  separateFromLog,
  watchOpenFiles,
  type OpenFiles,
} from './open-files.ts';
import { explainFailure, isBusy, isDamage } from './store-failure.ts';

/**
 * `ours`: may be read and written. `replaced`: the file was replaced or deleted; write the mirror from what is
 * open, then close it. `lost`: another process leads, or the content cannot be trusted; write nothing more.
 */
type Standing = 'ours' | 'replaced' | 'lost';

/** An open database that refuses to write once it cannot be trusted, or is no longer this process's to write. */
export function guardDatabase({ database, hasLog }: OpenedDatabase, { clock }: { clock: Clock }) {
  const path = database.name;
  const files = watchOpenFiles(database, { hasLog });
  const leadership = createLeadership(database);
  const withBusyWait = createBusyWait(database);
  let isDamaged = false;
  /** The failure in words for people; a corruption error marks the store as damaged. */
  const explain = (error: unknown): unknown => {
    isDamaged ||= isDamage(error);
    return explainFailure(path, error);
  };
  const look = createLook(files, () => leadership.isOurs());
  const keepLogShort = (): void => {
    try {
      files.shortenLog({ bytesMax: WAL_BYTES_MAX });
    } catch (error) {
      // On a full disk, say. The write itself is durable in the log, and the next one tries again.
      explain(error);
    }
  };
  return {
    /** All or nothing, durable when it returns; calls inside one join it. */
    transaction: <T>(work: () => T): T => {
      if (database.inTransaction) return work();
      if (files.standing() === 'overwritten') throw overwritten(path);
      try {
        const result = withBusyWait(() => leadership.write(work));
        keepLogShort();
        return result;
      } catch (error) {
        throw explain(error);
      }
    },
    /** Empties a write-ahead log that has grown, without waiting for other readers of the store, and the cache. */
    rest(): void {
      files.shortenLog({ bytesMax: WAL_REST_BYTES_MAX });
      database.exec('PRAGMA shrink_memory');
    },
    /** Check before each write, and before showing anything to others. */
    standing(): Standing {
      try {
        return isDamaged ? 'lost' : look();
      } catch (error) {
        explain(error);
        // If the store is only busy, the next read or write reports that.
        const found = files.standing();
        return isDamaged || found === 'overwritten' ? 'lost' : found;
      }
    },
    explain,
    /** Moves a broken store aside, so that the next opening makes a sound one. The caller holds the lock. */
    putAside(): void {
      const aside = asidePath(path, clock.nowMs());
      if (isDamaged) moveAside(path, aside);
      else if (files.standing() === 'overwritten') separateFromLog(path, aside);
    },
    close: (): void => void database.close(),
  };
}

/**
 * Asks who leads only after a process has written, as each request asks. A write in the same tick of the file
 * system's clock can go unnoticed, so a transaction checks that by itself.
 */
function createLook(files: OpenFiles, isLeader: () => boolean): () => Standing {
  /** The version of the files at which this process led. */
  let oursAt: string | undefined;
  return () => {
    const { found, version } = files.look();
    if (found === 'ours' && version !== undefined && version === oursAt) return 'ours';
    oursAt = undefined;
    if (found === 'overwritten' || !isLeader()) return 'lost';
    if (found === 'ours') oursAt = version;
    return found;
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
  { nowMs = monotonicMs }: { nowMs?: () => number } = {},
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
