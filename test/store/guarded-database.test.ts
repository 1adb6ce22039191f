import BetterSqlite3 from 'better-sqlite3';
import { expect, test } from 'vitest';
import { STORE_BUSY_AGAIN_MS, STORE_BUSY_TIMEOUT_MS } from '../../src/core/limits.ts';
import { openSqlite } from '../../src/platform/sqlite.ts';
import { createBusyWait } from '../../src/store/guarded-database.ts';

test('after a wait in vain the next write does not wait, and a later one does', () => {
  const database = openSqlite(':memory:', { timeoutMs: STORE_BUSY_TIMEOUT_MS });
  const timeout = (): unknown => database.prepare('PRAGMA busy_timeout').pluck().get();
  let nowMs = 0;
  const withBusyWait = createBusyWait(database, { nowMs: () => nowMs });
  const waited = (outcome: 'done' | 'busy'): unknown => {
    let found: unknown;
    const write = (): void => {
      found = timeout();
      if (outcome === 'busy') throw new BetterSqlite3.SqliteError('locked', 'SQLITE_BUSY');
    };
    if (outcome === 'busy') expect(() => withBusyWait(write)).toThrow('locked');
    else withBusyWait(write);
    return found;
  };
  expect(waited('busy')).toBe(STORE_BUSY_TIMEOUT_MS);
  nowMs = STORE_BUSY_AGAIN_MS - 1;
  expect(waited('done')).toBe(0);
  expect(timeout(), 'the timeout of other writes is unchanged').toBe(STORE_BUSY_TIMEOUT_MS);
  nowMs = STORE_BUSY_AGAIN_MS;
  expect(waited('done')).toBe(STORE_BUSY_TIMEOUT_MS);
  database.close();
});
