import { WRITES_PER_COMMIT_MAX } from '../core/limits.ts';
import { sqliteCode } from '../platform/sqlite.ts';

/** A change that waits for its turn, and whom to tell how it went. */
interface Waiting {
  change: () => unknown;
  done: (result: unknown) => void;
  fail: (error: unknown) => void;
}

interface Parts {
  /** One transaction: all or nothing, durable when it returns. */
  transaction: (work: () => void) => void;
  /** A part of it that is undone when it throws. */
  savepoint: (work: () => unknown) => unknown;
}

/**
 * Group commit: changes that come in one turn of the event loop share a transaction, because waiting for the disk at
 * its end costs more than the changes themselves. None waits for one that has not come. Each has a savepoint, so
 * that one which is refused is undone and fails alone. All of them fail when the commit does, and when SQLite itself
 * refuses one, as on a full disk.
 *
 * From the first change to the end of the commit nothing else runs in this process: nothing is read that a
 * failed commit takes back, and no caller has an answer before its change is durable.
 */
export function createGroupCommit({ transaction, savepoint }: Parts) {
  let waiting: Waiting[] = [];
  const takeTurn = (): void => {
    const group = waiting.slice(0, WRITES_PER_COMMIT_MAX);
    waiting = waiting.slice(WRITES_PER_COMMIT_MAX);
    if (waiting.length > 0) setImmediate(takeTurn);
    commit(group);
  };
  const commit = (group: readonly Waiting[]): void => {
    const isAlone = group.length === 1;
    const answers: (() => void)[] = [];
    try {
      transaction(() => {
        for (const { change, done, fail } of group) {
          try {
            const result = isAlone ? change() : savepoint(change);
            answers.push(() => done(result));
          } catch (error) {
            if (isAlone || sqliteCode(error) !== '') throw error;
            answers.push(() => fail(error));
          }
        }
      });
    } catch (error) {
      for (const { fail } of group) fail(error);
      return;
    }
    for (const answer of answers) answer();
  };
  return {
    /** Makes a change, all or nothing; settles when it is durable or undone. */
    write: <T>(change: () => T): Promise<T> =>
      new Promise((done, fail) => {
        waiting.push({ change, done: (result) => done(result as T), fail });
        if (waiting.length === 1) setImmediate(takeTurn);
      }),
  };
}
