import type { Database } from '../platform/sqlite.ts';

// CROSS JOIN fixes the order of the loops: without statistics the planner would scan all issues.
const WAITING = 'SELECT issue_id FROM dependencies WHERE depends_on_id = ? AND blocking = 1';
const BLOCKED_SELF = `
  SELECT EXISTS (SELECT 1 FROM issues WHERE id = @id AND holds_up = 1)
     AND EXISTS (SELECT 1 FROM dependencies d CROSS JOIN issues target ON target.id = d.depends_on_id
                 WHERE d.issue_id = @id AND d.blocking = 1 AND target.holds_up = 1)`;
const SET_BLOCKED_SELF =
  'UPDATE issues SET blocked_self = @now WHERE id = @id AND blocked_self <> @now';
const FAMILY = `
  WITH RECURSIVE family (id) AS (
    VALUES (?) UNION
    SELECT d.issue_id FROM family CROSS JOIN dependencies d
    WHERE d.depends_on_id = family.id AND d.parent = 1)
  SELECT id FROM family`;
const SET_BLOCKED = `
  WITH RECURSIVE line (id) AS (
    VALUES (@id) UNION
    SELECT d.depends_on_id FROM line CROSS JOIN dependencies d
    WHERE d.issue_id = line.id AND d.parent = 1),
  answer (blocked) AS (
    SELECT EXISTS (SELECT 1 FROM line CROSS JOIN issues i ON i.id = line.id WHERE i.blocked_self = 1))
  UPDATE issues SET blocked = (SELECT blocked FROM answer)
  WHERE id = @id AND blocked <> (SELECT blocked FROM answer)`;

/**
 * Keeps `issues.blocked` true to the graph on every change, so that ready work is an index scan.
 * An issue is blocked itself when it is not done and a blocking edge leads to one that is not done;
 * it is blocked when it or any ancestor is. Each change walks the ancestors anew, so that a parent
 * cycle from an import cannot keep itself blocked.
 */
export function createReadiness(database: Database) {
  const idsBy = (sql: string, id: string): string[] =>
    database.prepare<[string], string>(sql).pluck().all(id);
  const updateSelf = (id: string): boolean => {
    const now = database.prepare<[{ id: string }], number>(BLOCKED_SELF).pluck().get({ id }) ?? 0;
    return database.prepare(SET_BLOCKED_SELF).run({ id, now }).changes > 0;
  };
  return {
    /** Call after the rows of `id` are written. */
    changed(id: string, what: { holdsUpChanged: boolean; edgesChanged: boolean }): void {
      const touched = what.holdsUpChanged ? [id, ...idsBy(WAITING, id)] : [id];
      for (const issueId of touched) {
        const flipped = updateSelf(issueId);
        if (!flipped && !(what.edgesChanged && issueId === id)) continue;
        for (const member of idsBy(FAMILY, issueId))
          database.prepare(SET_BLOCKED).run({ id: member });
      }
    },
  };
}

export type Readiness = ReturnType<typeof createReadiness>;
