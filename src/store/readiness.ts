import type { Database } from '../platform/sqlite.ts';

/**
 * SQL for whether an issue is blocked itself: it is not done, and a blocking edge leads to one that is not done.
 * `holdsUp` comes first in it, then `id`.
 */
export function isBlockedSelf({ id, holdsUp }: { id: string; holdsUp: string }): string {
  // CROSS JOIN fixes the order of the loops: without statistics the planner would scan all issues.
  return `(${holdsUp} = 1 AND EXISTS (
    SELECT 1 FROM dependencies d CROSS JOIN issues target ON target.id = d.depends_on_id
    WHERE d.issue_id = ${id} AND d.blocking = 1 AND target.holds_up = 1))`;
}

const IS_WAITED_FOR = 'SELECT 1 FROM dependencies WHERE depends_on_id = ? AND blocking = 1 LIMIT 1';
const SET_BLOCKED_SELF = `
  WITH touched (id) AS (
    SELECT value FROM json_each(@changed) UNION
    SELECT d.issue_id FROM json_each(@turned) turned
    CROSS JOIN dependencies d ON d.depends_on_id = turned.value WHERE d.blocking = 1)
  UPDATE issues SET blocked_self = 1 - blocked_self
  WHERE id IN (SELECT id FROM touched) AND blocked_self <> ${isBlockedSelf({ id: 'issues.id', holdsUp: 'holds_up' })}
  RETURNING id`;
// Few issues have a parent: only for these the ancestors are walked.
const IS_BLOCKED = `(blocked_self = 1 OR EXISTS (
    SELECT 1 FROM dependencies WHERE issue_id = issues.id AND parent = 1) AND EXISTS (
    WITH RECURSIVE line (id) AS (
      VALUES (issues.id) UNION
      SELECT d.depends_on_id FROM line CROSS JOIN dependencies d
      WHERE d.issue_id = line.id AND d.parent = 1)
    SELECT 1 FROM line CROSS JOIN issues i ON i.id = line.id WHERE i.blocked_self = 1))`;
const SET_BLOCKED = `
  WITH RECURSIVE family (id) AS (
    SELECT value FROM json_each(?) UNION
    SELECT d.issue_id FROM family CROSS JOIN dependencies d
    WHERE d.depends_on_id = family.id AND d.parent = 1)
  UPDATE issues SET blocked = 1 - blocked
  WHERE id IN (SELECT id FROM family) AND blocked <> ${IS_BLOCKED}`;

/** What changed in an issue that can block others. */
interface ReadinessChange {
  /** It was inserted, as blocked as its own edges make it. */
  isNew?: boolean;
  holdsUpChanged: boolean;
  edgesChanged: boolean;
}

/**
 * Keeps `issues.blocked` true to the graph on every change, so that ready work is an index scan.
 * An issue is blocked itself when it is not done and a blocking edge leads to one that is not done;
 * it is blocked when it or any ancestor is. Each change walks the ancestors anew, so that a parent
 * cycle from an import cannot keep itself blocked.
 */
export function createReadiness(database: Database) {
  let gathered: Map<string, ReadinessChange> | undefined;
  const settle = (changes: ReadonlyMap<string, ReadinessChange>): void => {
    const idsWhere = (what: 'holdsUpChanged' | 'edgesChanged'): string[] =>
      [...changes].filter(([, change]) => change[what]).map(([id]) => id);
    const flipped = database
      .prepare<[{ changed: string; turned: string }], string>(SET_BLOCKED_SELF)
      .pluck()
      .all({
        changed: JSON.stringify([...changes.keys()]),
        turned: JSON.stringify(idsWhere('holdsUpChanged')),
      });
    const heads = [...flipped, ...idsWhere('edgesChanged')];
    if (heads.length > 0) database.prepare(SET_BLOCKED).run(JSON.stringify(heads));
  };
  return {
    /** Call after the rows of `id` are written. */
    changed(id: string, { isNew = false, holdsUpChanged, edgesChanged }: ReadinessChange): void {
      if (!holdsUpChanged && !edgesChanged) return;
      // Few issues are waited for before they are there.
      if (isNew && !edgesChanged && database.prepare(IS_WAITED_FOR).get(id) === undefined) return;
      if (gathered === undefined) return settle(new Map([[id, { holdsUpChanged, edgesChanged }]]));
      const known = gathered.get(id);
      gathered.set(id, {
        holdsUpChanged: holdsUpChanged || known?.holdsUpChanged === true,
        edgesChanged: edgesChanged || known?.edgesChanged === true,
      });
    },
    /** Settles once, at the end, what the work changes; until then it may not ask what is blocked. */
    together<T>(work: () => T): T {
      gathered = new Map();
      try {
        const result = work();
        if (gathered.size > 0) settle(gathered);
        return result;
      } finally {
        gathered = undefined;
      }
    },
  };
}

export type Readiness = ReturnType<typeof createReadiness>;
