import type { Database } from 'better-sqlite3';
import { encodeView } from '../../core/causal/causal-line.ts';
import { hasConflict } from '../../core/causal/conflicts.ts';
import { decodeLine } from '../../core/causal/decode-line.ts';
import { liftFirst } from '../../core/causal/lift.ts';
import { viewIssue } from '../../core/causal/view.ts';
import { createRelations } from '../relations.ts';
import { DamagedStore } from '../store-failure.ts';

/**
 * Records become sealed lines, whose writes tell concurrent changes apart. What a record shows stays
 * as it is; clones that hold the same record make the same sealed line of it. A record that came from a
 * newer bd, and was not changed since, is such a line already.
 */
export function causal(database: Database): void {
  database.exec(SCHEMA);
  const select = database.prepare<[], { id: string; record: string }>(
    'SELECT id, record FROM issues',
  );
  const update = database.prepare('UPDATE issues SET record = ?, conflicted = ? WHERE id = ?');
  const relations = createRelations(database);
  for (const { id, record } of select.all()) {
    const decoded = decodeLine(record, 0);
    if (decoded.kind === 'unreadable') throw new DamagedStore(`${id}: ${decoded.problem}`);
    const state = decoded.kind === 'sealed' ? decoded.state : liftFirst(decoded.issue);
    const view = viewIssue(state);
    update.run(encodeView(state, view), Number(hasConflict(state, view)), id);
    relations.replaceEdges(state);
  }
  // What is on the branch, and what waits to go there, was made from the lines that were there last.
  database.exec(`INSERT INTO settings (key, value)
    SELECT 'classic_tip', value FROM settings WHERE key = 'imported_tip'`);
  // The mirror shows lines without `_bd`: it is looked at, and written, anew.
  database.exec("DELETE FROM settings WHERE key = 'mirror_hash'");
  // Which edges close a cycle was not asked before.
  database.exec("INSERT OR REPLACE INTO settings VALUES ('edges_unsettled', 'yes')");
}

const SCHEMA = `
  ALTER TABLE issues ADD COLUMN conflicted INTEGER NOT NULL DEFAULT 0; -- something in it is for people to decide
  CREATE INDEX issues_in_conflict ON issues (id) WHERE conflicted = 1;

  -- Which write made the edge, and whether it counts: one that would close a cycle does not.
  ALTER TABLE dependencies ADD COLUMN replica TEXT NOT NULL DEFAULT '';
  ALTER TABLE dependencies ADD COLUMN counter INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE dependencies ADD COLUMN ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE dependencies ADD COLUMN suppressed INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX dependencies_suppressed ON dependencies (issue_id) WHERE suppressed = 1;

  -- How many of this clone's own writes of the issue the others have been sent.
  ALTER TABLE outbox ADD COLUMN shared_counter INTEGER NOT NULL DEFAULT 0;

  -- What an event replaced; NULL where there was nothing.
  CREATE TABLE versions (
    seq      INTEGER PRIMARY KEY,
    issue_id TEXT NOT NULL,
    line     TEXT
  );
  CREATE INDEX versions_by_issue ON versions (issue_id, seq);

  -- Lines of the branch that this bd cannot read, to be carried on as they are.
  CREATE TABLE carried_lines (
    line     BLOB NOT NULL,
    issue_id TEXT
  );
`;
