import type { Database } from '../platform/sqlite.ts';
import { BdError } from '../core/errors.ts';
import { createStateReader, readState, writeState } from './state.ts';

/**
 * Which process leads: writes the store, and shows others what is in it. The workspace's lock decides, but a
 * process that was stopped while somebody deleted the lock's file knows nothing of its successor. So
 * whoever writes for the first time takes the next number, the epoch, in the same transaction; who finds
 * a number that is not its own leads no more. Reading takes none.
 */
export interface Leadership {
  /** A write transaction of the leader: all or nothing, durable when it returns. */
  write<T>(work: () => T): T;
  /** False once another process has written since this one opened the store, or wrote itself. */
  isOurs(): boolean;
}

/** Before the first write. */
const NONE = 0;

export function createLeadership(database: Database): Leadership {
  const state = createStateReader(database);
  const read = (): number => state('epoch') ?? NONE;
  let epoch = read();
  let isTaken = false;
  return {
    write(work) {
      const next = isTaken ? epoch : epoch + 1;
      const result = database
        .transaction(() => {
          if (read() !== epoch) throw overtaken(database.name);
          if (!isTaken) writeState(database, 'epoch', next);
          return work();
        })
        .immediate();
      epoch = next;
      isTaken = true;
      return result;
    },
    isOurs: () => read() === epoch,
  };
}

/** Part of a transaction that changes the store for good: whoever had it open before leads no more. */
export function endLeadership(database: Database): void {
  writeState(database, 'epoch', (readState(database, 'epoch') ?? NONE) + 1);
}

function overtaken(path: string): BdError {
  return new BdError('LOCK_UNAVAILABLE', {
    message: `another process took over ${path} while this one stood still`,
    remedy: 'Run the command again: it goes to the one that has it now.',
  });
}
