import BetterSqlite3 from 'better-sqlite3';
import { expect, test } from 'vitest';
import { STORE_BUSY_AGAIN_MS, STORE_BUSY_TIMEOUT_MS } from '../../src/core/limits.ts';
import { keepDatabase } from '../../src/platform/sqlite-handles.ts';
import { createPatience } from '../../src/store/busy-wait.ts';

test('who comes right after a wait in vain does not wait, and later ones do again', () => {
  const database = keepDatabase(new BetterSqlite3(':memory:', { timeout: STORE_BUSY_TIMEOUT_MS }));
  const timeout = (): unknown => database.prepare('PRAGMA busy_timeout').pluck().get();
  let nowMs = 0;
  const patiently = createPatience(database, { nowMs: () => nowMs });
  const waited = (outcome: 'done' | 'busy'): unknown => {
    let found: unknown;
    const write = (): void => {
      found = timeout();
      if (outcome === 'busy') throw new BetterSqlite3.SqliteError('locked', 'SQLITE_BUSY');
    };
    if (outcome === 'busy') expect(() => patiently(write)).toThrow('locked');
    else patiently(write);
    return found;
  };
  expect(waited('busy')).toBe(STORE_BUSY_TIMEOUT_MS);
  nowMs = STORE_BUSY_AGAIN_MS - 1;
  expect(waited('done')).toBe(0);
  expect(timeout(), 'for others it is as before').toBe(STORE_BUSY_TIMEOUT_MS);
  nowMs = STORE_BUSY_AGAIN_MS;
  expect(waited('done')).toBe(STORE_BUSY_TIMEOUT_MS);
  database.close();
});
