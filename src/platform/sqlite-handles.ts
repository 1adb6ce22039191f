import type { Database } from 'better-sqlite3';

/**
 * SQLite handles and statements are kept for the life of the process. Since Node 24, the collector ends
 * the process when it finds one of this driver's objects outside of any JavaScript call, which is
 * when an idle daemon collects ("RemoveEnvironmentCleanupHook: env != nullptr").
 */
const kept = new Set<unknown>();

/**
 * Keeps the handle, and has it prepare each SQL text once: callers bind what varies. A text is always
 * used in one mode, plucked or not.
 */
export function keepDatabase(database: Database): Database {
  const statements = new Map<string, ReturnType<Database['prepare']>>();
  const prepare = database.prepare.bind(database);
  const prepareOnce = (sql: string): ReturnType<Database['prepare']> => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  kept.add(database).add(statements);
  return Object.assign(database, { prepare: prepareOnce });
}
