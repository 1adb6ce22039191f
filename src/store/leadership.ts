import type { Database } from '../platform/sqlite.ts';
import { BdError } from '../core/errors.ts';
import { readState, writeState } from './state.ts';

/** Before the first write. */
const NONE = 0;

/**
 * Which process leads: writes the store, and shows its content to others. The workspace's lock decides, but a
 * process that was suspended while the lock's file was deleted does not know of its successor. So the first
 * write of a process takes the next number, the epoch, in the same transaction. A process that finds another
 * number than its own no longer leads. Reading takes no number.
 */
export function createLeadership(database: Database) {
  const read = (): number => readState(database, 'epoch') ?? NONE;
  let epoch = read();
  let isTaken = false;
  const lead = database.transaction((work: () => unknown, next: number): unknown => {
    if (read() !== epoch) throw overtaken(database.name);
    if (!isTaken) writeState(database, 'epoch', next);
    return work();
  });
  return {
    /** A write transaction of the leader: all or nothing, durable when it returns. */
    write<T>(work: () => T): T {
      const next = isTaken ? epoch : epoch + 1;
      const result = lead.immediate(work, next) as T;
      epoch = next;
      isTaken = true;
      return result;
    },
    /** False once another process has written since this one opened the store, or since its own last write. */
    isOurs: (): boolean => read() === epoch,
  };
}

/** Call inside a transaction that changes the schema: a process that had the store open before no longer leads. */
export function endLeadership(database: Database): void {
  writeState(database, 'epoch', (readState(database, 'epoch') ?? NONE) + 1);
}

function overtaken(path: string): BdError {
  return new BdError('LOCK_UNAVAILABLE', {
    message: `another process took over ${path} while this one was suspended`,
    remedy: 'Run the command again: it goes to that process.',
  });
}
