import BetterSqlite3 from 'better-sqlite3';
import { expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { explainFailure } from '../../src/store/store-failure.ts';

function failureOf(work: (database: BetterSqlite3.Database) => unknown): unknown {
  const database = new BetterSqlite3(':memory:');
  try {
    work(database);
    return undefined;
  } catch (error) {
    return explainFailure('/w/.beads/beads.db', error);
  } finally {
    database.close();
  }
}

test('a full disk is reported with the path of the store', () => {
  const failure = failureOf((database) => {
    database.exec('PRAGMA max_page_count = 2; CREATE TABLE t (v)');
    database.exec('INSERT INTO t VALUES (zeroblob(100000))');
  });
  expect(failure).toBeInstanceOf(BdError);
  expect(failure).toMatchObject({
    code: 'STORE_UNUSABLE',
    message: 'cannot write the store /w/.beads/beads.db: the disk is full',
    remedy: 'Make space on that disk, then run the command again.',
  });
});

test('a store that cannot be written is explained, and a wrong statement stays a bug', () => {
  const readOnly = failureOf((database) =>
    database.exec('PRAGMA query_only = ON; CREATE TABLE t (v)'),
  );
  expect(readOnly).toMatchObject({
    code: 'STORE_UNUSABLE',
    remedy: expect.stringContaining('permissions'),
  });
  const wrong = failureOf((database) => database.exec('SELECT nothing'));
  expect(wrong).toBeInstanceOf(BetterSqlite3.SqliteError);
  const foreign = new Error('other');
  expect(explainFailure('/w/.beads/beads.db', foreign)).toBe(foreign);
});
