import type { Database } from '../platform/sqlite.ts';

/**
 * Keeps `issues.blocked` true to the graph on every change, so that ready work is an index scan.
 * An issue is blocked itself when it is not done and a blocking edge leads to one that is not done;
 * it is blocked when it or any ancestor is. Ancestors are walked, not trusted, so that a parent
 * cycle from an import cannot keep itself blocked.
 */
export interface Readiness {
  /** Call after the rows of `id` are written. */
  changed(id: string, what: { holdsUpChanged: boolean; edgesChanged: boolean }): void;
}

export function createReadiness(database: Database): Readiness {
  // CROSS JOIN fixes the order of the loops: without statistics the planner would scan all issues.
  const waiting = database
    .prepare<[string], string>(
      'SELECT issue_id FROM dependencies WHERE depends_on_id = ? AND blocking = 1',
    )
    .pluck();
  const blockedSelf = database
    .prepare<[string, string], number>(
      `SELECT EXISTS (SELECT 1 FROM issues WHERE id = ? AND holds_up = 1)
          AND EXISTS (SELECT 1 FROM dependencies d CROSS JOIN issues target ON target.id = d.depends_on_id
                      WHERE d.issue_id = ? AND d.blocking = 1 AND target.holds_up = 1)`,
    )
    .pluck();
  const setBlockedSelf = database.prepare(
    'UPDATE issues SET blocked_self = @now WHERE id = @id AND blocked_self <> @now',
  );
  const familyOf = database
    .prepare<[string], string>(
      `WITH RECURSIVE family (id) AS (
         VALUES (?) UNION
         SELECT d.issue_id FROM family CROSS JOIN dependencies d
         WHERE d.depends_on_id = family.id AND d.parent = 1)
       SELECT id FROM family`,
    )
    .pluck();
  const setBlocked = database.prepare(
    `WITH RECURSIVE line (id) AS (
       VALUES (@id) UNION
       SELECT d.depends_on_id FROM line CROSS JOIN dependencies d
       WHERE d.issue_id = line.id AND d.parent = 1),
     answer (blocked) AS (
       SELECT EXISTS (SELECT 1 FROM line CROSS JOIN issues i ON i.id = line.id WHERE i.blocked_self = 1))
     UPDATE issues SET blocked = (SELECT blocked FROM answer)
     WHERE id = @id AND blocked <> (SELECT blocked FROM answer)`,
  );

  return {
    changed(id, { holdsUpChanged, edgesChanged }) {
      const touched = holdsUpChanged ? [id, ...waiting.all(id)] : [id];
      for (const issueId of touched) {
        const now = blockedSelf.get(issueId, issueId) ?? 0;
        const flipped = setBlockedSelf.run({ id: issueId, now }).changes > 0;
        if (!flipped && !(edgesChanged && issueId === id)) continue;
        for (const member of familyOf.all(issueId)) setBlocked.run({ id: member });
      }
    },
  };
}
