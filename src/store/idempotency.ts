import { ANSWERS_KEPT } from '../core/limits.ts';
import type { Database } from '../platform/sqlite.ts';

const SELECT = 'SELECT result FROM answers WHERE key = ?';
const INSERT = 'INSERT INTO answers (key, result) VALUES (?, ?)';
const FORGET = 'DELETE FROM answers WHERE seq <= ?';

/**
 * The results of the latest changes, each written with its change. A client that lost an answer on the way sends
 * the command again under the same key, and gets this result; the change is not made twice.
 */
export function createAnswers(database: Database) {
  return {
    get: (key: string): string | undefined =>
      database.prepare<[string], string>(SELECT).pluck().get(key),
    add(key: string, result: string): void {
      const { lastInsertRowid } = database.prepare(INSERT).run(key, result);
      database.prepare(FORGET).run(Number(lastInsertRowid) - ANSWERS_KEPT);
    },
  };
}
