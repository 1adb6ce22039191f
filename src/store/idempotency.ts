import type { Database } from '../platform/sqlite.ts';
import { ANSWERS_KEPT } from '../core/limits.ts';

/**
 * What the latest changes answered, each written with its change: a command whose answer was lost on the
 * way comes again under the same key, and is answered from here instead of being done twice.
 */
export interface Answers {
  get(key: string): string | undefined;
  add(key: string, result: string): void;
}

export function createAnswers(database: Database): Answers {
  const select = database
    .prepare<[string], string>('SELECT result FROM answers WHERE key = ?')
    .pluck();
  const insert = database.prepare('INSERT INTO answers (key, result) VALUES (?, ?)');
  const forget = database.prepare('DELETE FROM answers WHERE seq <= ?');
  return {
    get: (key) => select.get(key),
    add(key, result) {
      const { lastInsertRowid } = insert.run(key, result);
      forget.run(Number(lastInsertRowid) - ANSWERS_KEPT);
    },
  };
}
