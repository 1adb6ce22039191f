import { SCHEMA_STEPS, type SchemaStep } from '../../src/store/schema-steps.ts';

/** The steps of this bd, and two later changes of the schema, as they could come. */
export const LATER_STEPS: readonly SchemaStep[] = [
  ...SCHEMA_STEPS,
  (database) => {
    database.exec('ALTER TABLE issues ADD COLUMN title_length INTEGER NOT NULL DEFAULT 0');
    const ids = database.prepare<[], string>('SELECT id FROM issues').pluck().all();
    const update = database.prepare(
      "UPDATE issues SET title_length = length(record ->> '$.title') WHERE id = ?",
    );
    for (const id of ids) update.run(id);
  },
  (database) => {
    database.exec('CREATE TABLE lengths (issue_id TEXT PRIMARY KEY, title INTEGER NOT NULL)');
    database.exec('INSERT INTO lengths SELECT id, title_length FROM issues');
  },
];
