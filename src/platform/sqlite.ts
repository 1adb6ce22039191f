import { createRequire } from 'node:module';
import BetterSqlite3 from 'better-sqlite3';

/** The one door to SQLite: what the rest of bd may use of the driver. */
export type Database = Pick<
  BetterSqlite3.Database,
  'name' | 'inTransaction' | 'exec' | 'prepare' | 'transaction' | 'function' | 'close'
>;

/** A text of SQL, and what is bound to its parameters. */
export interface SqlText {
  sql: string;
  values: unknown[];
}

/**
 * Handles and statements are kept for the life of the process. Since Node 24, the garbage collector ends the
 * process when it finds one of this driver's objects outside of any JavaScript call, which is when an idle
 * daemon collects ("RemoveEnvironmentCleanupHook: env != nullptr").
 */
const kept = new Set<unknown>();

/** The driver's own search for its addon takes as long as opening a database. */
const nativeBinding = 'better-sqlite3/build/Release/better_sqlite3.node';
const load = createRequire(import.meta.filename);

/**
 * Opens or creates a database; a `Buffer` is one in memory. Each SQL text is prepared once: callers bind what
 * varies, and use a text in one mode only, plucked or not.
 */
export function openSqlite(
  source: string | Buffer,
  { timeoutMs = 0, isReadonly = false }: { timeoutMs?: number; isReadonly?: boolean } = {},
): Database {
  const database = new BetterSqlite3(source, {
    timeout: timeoutMs,
    readonly: isReadonly,
    nativeBinding: load(nativeBinding) as string,
  });
  const statements = new Map<string, BetterSqlite3.Statement>();
  const prepare = database.prepare.bind(database);
  const prepareOnce = (sql: string): BetterSqlite3.Statement => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  kept.add(database).add(statements);
  return Object.assign(database, { prepare: prepareOnce });
}

/** SQLite's name for a failure, such as `SQLITE_BUSY`; empty for any other error. */
export function sqliteCode(error: unknown): string {
  return error instanceof BetterSqlite3.SqliteError ? error.code : '';
}
