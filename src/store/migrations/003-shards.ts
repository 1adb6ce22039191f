import type { Database } from 'better-sqlite3';
import { shardOf } from '../shard.ts';

/** Each issue knows its part of a large project's branch, so that one change reads one part. */
export function shards(database: Database): void {
  database.exec('ALTER TABLE issues ADD COLUMN shard INTEGER NOT NULL DEFAULT 0');
  const select = database.prepare<[], string>('SELECT id FROM issues').pluck();
  const update = database.prepare('UPDATE issues SET shard = ? WHERE id = ?');
  for (const id of select.all()) update.run(shardOf(id), id);
  database.exec('CREATE INDEX issues_by_shard ON issues (shard, id)');
}
