import type { Database } from '../platform/sqlite.ts';
import { idEnding } from './derived-rows.ts';

/** A change of the schema that comes after the baseline. */
export type SchemaStep = (database: Database) => void;

/** In the order of the new table, without `number` and `ending`. */
const KEPT_COLUMNS = `
  id, status, priority, issue_type, assignee, created_ms, updated_ms, closed_ms, due_ms, defer_ms,
  comment_count, pinned, off_queue, holds_up, blocked_self, blocked, conflicted, shard, record`;

/**
 * `number` is the same after a VACUUM, and `record` is last, so that the columns before it are read without it.
 * There are no generated columns: SQLite computes them with each write, which means parsing the record.
 */
const ISSUES = `
  CREATE TABLE issues_by_index (
    number        INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    ending        TEXT NOT NULL, -- of the id, behind its last hyphen
    status        TEXT NOT NULL,
    priority      INTEGER NOT NULL,
    issue_type    TEXT NOT NULL,
    assignee      TEXT,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL,
    closed_ms     INTEGER,
    due_ms        INTEGER,
    defer_ms      INTEGER,
    comment_count INTEGER NOT NULL,
    pinned        INTEGER NOT NULL,
    off_queue     INTEGER NOT NULL, -- pinned, ephemeral, a template or part of a molecule: never ready work
    holds_up      INTEGER NOT NULL, -- not done: issues that depend on it wait
    blocked_self  INTEGER NOT NULL DEFAULT 0,
    blocked       INTEGER NOT NULL DEFAULT 0, -- blocked itself or through an ancestor
    conflicted    INTEGER NOT NULL DEFAULT 0, -- it has a conflict for people to decide
    shard         INTEGER NOT NULL DEFAULT 0, -- its part of a large project's branch
    record        TEXT NOT NULL
  );
  INSERT INTO issues_by_index (ending, ${KEPT_COLUMNS}) SELECT id_ending(id), ${KEPT_COLUMNS} FROM issues;
  DROP TABLE issues;
  ALTER TABLE issues_by_index RENAME TO issues;`;

const INDEXES = `
  CREATE INDEX issues_by_status ON issues (status, priority, created_ms DESC, id);
  CREATE INDEX issues_by_update ON issues (updated_ms DESC, id);
  CREATE INDEX issues_by_creation ON issues (created_ms DESC, id);
  CREATE INDEX issues_by_ending ON issues (ending);
  CREATE INDEX issues_by_shard ON issues (shard, id);
  CREATE INDEX issues_by_assignee ON issues (assignee) WHERE assignee IS NOT NULL;
  CREATE INDEX issues_blocked ON issues (priority, created_ms DESC, id) WHERE blocked = 1;
  CREATE INDEX issues_in_conflict ON issues (id) WHERE conflicted = 1;
  CREATE INDEX epics_open ON issues (priority, created_ms DESC, id)
    WHERE issue_type = 'epic' AND status NOT IN ('closed', 'tombstone');
  CREATE INDEX ready_by_priority ON issues (priority, created_ms DESC, id, defer_ms)
    WHERE status = 'open' AND blocked = 0 AND off_queue = 0;
  CREATE INDEX ready_by_age ON issues (created_ms, id, defer_ms)
    WHERE status = 'open' AND blocked = 0 AND off_queue = 0;
  CREATE INDEX ready_deferred ON issues (defer_ms)
    WHERE status = 'open' AND blocked = 0 AND off_queue = 0 AND defer_ms IS NOT NULL;`;

const OF = (row: 'new' | 'old'): string => `
  ${row}.status, ${row}.issue_type, ${row}.priority, ${row}.pinned, ${row}.blocked, ${row}.off_queue,
  ${row}.defer_ms IS NOT NULL`;
const COUNTED = 'status, issue_type, priority, pinned, blocked, off_queue, deferred';
const COUNT_NEW = `
  INSERT INTO issue_counts VALUES (${OF('new')}, 1, new.closed_ms IS NOT NULL,
    coalesce(new.closed_ms - new.created_ms, 0))
  ON CONFLICT DO UPDATE SET issues = issues + 1, closed = closed + excluded.closed,
    lead_ms = lead_ms + excluded.lead_ms`;
const UNCOUNT_OLD = `
  UPDATE issue_counts SET issues = issues - 1, closed = closed - (old.closed_ms IS NOT NULL),
    lead_ms = lead_ms - coalesce(old.closed_ms - old.created_ms, 0)
  WHERE (${COUNTED}) = (${OF('old')})`;

/**
 * Counts are kept by triggers, so that they are true whichever statement writes. Rows of `issues` are never
 * deleted, and their ids never change.
 */
const COUNTS = `
  -- How many issues there are of each kind.
  CREATE TABLE issue_counts (
    status     TEXT NOT NULL,
    issue_type TEXT NOT NULL,
    priority   INTEGER NOT NULL,
    pinned     INTEGER NOT NULL,
    blocked    INTEGER NOT NULL,
    off_queue  INTEGER NOT NULL,
    deferred   INTEGER NOT NULL, -- it has a defer_ms
    issues     INTEGER NOT NULL,
    closed     INTEGER NOT NULL, -- those with a closed_ms
    lead_ms    INTEGER NOT NULL, -- the sum of their times from creation to closing
    PRIMARY KEY (${COUNTED})
  ) WITHOUT ROWID;
  INSERT INTO issue_counts
    SELECT status, issue_type, priority, pinned, blocked, off_queue, defer_ms IS NOT NULL, count(*),
      count(closed_ms), coalesce(sum(closed_ms - created_ms), 0)
    FROM issues GROUP BY 1, 2, 3, 4, 5, 6, 7;
  CREATE TRIGGER count_new_issue AFTER INSERT ON issues BEGIN ${COUNT_NEW}; END;
  CREATE TRIGGER count_changed_issue
    AFTER UPDATE OF status, issue_type, priority, pinned, blocked, off_queue, defer_ms, closed_ms, created_ms
    ON issues
    WHEN (${OF('old')}, old.closed_ms, old.created_ms) IS NOT (${OF('new')}, new.closed_ms, new.created_ms)
    BEGIN ${UNCOUNT_OLD}; ${COUNT_NEW}; END;

  -- How many ids have each prefix, without those of children.
  CREATE TABLE id_counts (
    prefix TEXT PRIMARY KEY,
    ids    INTEGER NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO id_counts
    SELECT substr(id, 1, length(id) - length(ending) - 1), count(*) FROM issues
    WHERE instr(ending, '.') = 0 GROUP BY 1;
  CREATE TRIGGER count_new_id AFTER INSERT ON issues WHEN instr(new.ending, '.') = 0 BEGIN
    INSERT INTO id_counts VALUES (substr(new.id, 1, length(new.id) - length(new.ending) - 1), 1)
    ON CONFLICT DO UPDATE SET ids = ids + 1;
  END;`;

/** Each list and count is read from an index or a kept count, whatever the size of the project. */
function readsByIndex(database: Database): void {
  database.function('id_ending', { deterministic: true }, (id: unknown) => idEnding(String(id)));
  database.exec(ISSUES);
  database.exec(INDEXES);
  database.exec(COUNTS);
}

const SEARCH = `
  CREATE VIRTUAL TABLE search USING fts5(
    text, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1');

  -- The issues whose text is not in that index yet.
  CREATE TABLE search_waiting (number INTEGER PRIMARY KEY);
  INSERT INTO search_waiting SELECT number FROM issues;
  CREATE TRIGGER search_new_issue AFTER INSERT ON issues BEGIN
    INSERT INTO search_waiting VALUES (new.number);
  END;
  CREATE TRIGGER search_changed_issue AFTER UPDATE OF record ON issues BEGIN
    INSERT INTO search_waiting VALUES (new.number) ON CONFLICT DO NOTHING;
  END;`;

/** The texts of issues are found by an index (text-search.ts). */
function textIndex(database: Database): void {
  database.exec(SEARCH);
}

/** In order; `user_version` is the baseline's number plus one for each step that was applied. */
export const SCHEMA_STEPS: readonly SchemaStep[] = [readsByIndex, textIndex];
