import type { Database } from 'better-sqlite3';

/** Small facts about this clone's store: what was exported, imported and pushed last. */
export interface Settings {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
  delete(key: string): void;
}

export function createSettings(
  database: Database,
  { transaction }: { transaction: <T>(work: () => T) => T },
): Settings {
  const remove = database.prepare('DELETE FROM settings WHERE key = ?');
  const get = (key: string): string | undefined => readSetting(database, key);
  return {
    get,
    set: (key, value) => transaction(() => writeSetting(database, key, value)),
    delete(key) {
      // To look is no reason to write.
      if (get(key) !== undefined) transaction(() => remove.run(key));
    },
  };
}

/** Also of a database that is not open as a store, or not yet. */
export function readSetting(database: Database, key: string): string | undefined {
  const select = 'SELECT value FROM settings WHERE key = ?';
  return database.prepare<[string], string>(select).pluck().get(key);
}

/** Part of a transaction. */
export function writeSetting(database: Database, key: string, value: string): void {
  const upsert =
    'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value';
  database.prepare(upsert).run(key, value);
}
