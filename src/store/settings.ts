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
  const get = database
    .prepare<[string], string>('SELECT value FROM settings WHERE key = ?')
    .pluck();
  const set = database.prepare(
    'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare('DELETE FROM settings WHERE key = ?');
  return {
    get: (key) => get.get(key),
    set: (key, value) => void transaction(() => set.run(key, value)),
    delete(key) {
      // To look is no reason to write.
      if (get.get(key) !== undefined) transaction(() => remove.run(key));
    },
  };
}
