/** Schemas 1 to 4 were never released. */
export const BASELINE = 5;

/**
 * `issues.record` is the canonical line and the only truth; every other column is derived from it when it is
 * written. The generated columns are for people and programs that read the file with SQL.
 */
export const BASELINE_SCHEMA = `
  CREATE TABLE issues (
    id            TEXT PRIMARY KEY,
    record        TEXT NOT NULL,
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
    conflicted    INTEGER NOT NULL DEFAULT 0, -- something in it is for people to decide
    shard         INTEGER NOT NULL DEFAULT 0, -- its part of a large project's branch
    title               TEXT GENERATED ALWAYS AS (record ->> '$.title') VIRTUAL,
    description         TEXT GENERATED ALWAYS AS (record ->> '$.description') VIRTUAL,
    design              TEXT GENERATED ALWAYS AS (record ->> '$.design') VIRTUAL,
    acceptance_criteria TEXT GENERATED ALWAYS AS (record ->> '$.acceptance_criteria') VIRTUAL,
    notes               TEXT GENERATED ALWAYS AS (record ->> '$.notes') VIRTUAL,
    created_at          TEXT GENERATED ALWAYS AS (record ->> '$.created_at') VIRTUAL,
    updated_at          TEXT GENERATED ALWAYS AS (record ->> '$.updated_at') VIRTUAL,
    closed_at           TEXT GENERATED ALWAYS AS (record ->> '$.closed_at') VIRTUAL
  );
  CREATE INDEX issues_by_status ON issues (status, priority, created_ms DESC);
  CREATE INDEX issues_by_update ON issues (updated_ms);
  CREATE INDEX issues_by_shard ON issues (shard, id);
  CREATE INDEX issues_in_conflict ON issues (id) WHERE conflicted = 1;
  CREATE INDEX ready_by_priority ON issues (priority, created_ms DESC, defer_ms)
    WHERE status = 'open' AND blocked = 0 AND off_queue = 0;
  CREATE INDEX ready_by_age ON issues (created_ms, defer_ms)
    WHERE status = 'open' AND blocked = 0 AND off_queue = 0;

  CREATE TABLE labels (
    issue_id TEXT NOT NULL,
    label    TEXT NOT NULL,
    PRIMARY KEY (issue_id, label)
  ) WITHOUT ROWID;
  CREATE INDEX labels_by_label ON labels (label, issue_id);

  CREATE TABLE dependencies (
    issue_id      TEXT NOT NULL,
    depends_on_id TEXT NOT NULL,
    type          TEXT NOT NULL,
    blocking      INTEGER NOT NULL,
    parent        INTEGER NOT NULL,
    -- The write that made the edge.
    replica       TEXT NOT NULL,
    counter       INTEGER NOT NULL,
    ms            INTEGER NOT NULL,
    suppressed    INTEGER NOT NULL DEFAULT 0, -- it would close a cycle, so it does not count
    PRIMARY KEY (issue_id, depends_on_id, type)
  ) WITHOUT ROWID;
  CREATE INDEX dependencies_by_target ON dependencies (depends_on_id, issue_id);
  CREATE INDEX dependencies_suppressed ON dependencies (issue_id) WHERE suppressed = 1;

  CREATE TABLE events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    issue_id   TEXT NOT NULL,
    kind       TEXT NOT NULL,
    actor      TEXT NOT NULL,
    origin     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    data       TEXT NOT NULL
  );
  -- The log begins with a \`reset\`, which is number 1 and no row.
  INSERT INTO sqlite_sequence (name, seq) VALUES ('events', 1);

  -- What an event replaced; NULL where there was nothing.
  CREATE TABLE versions (
    seq      INTEGER PRIMARY KEY,
    issue_id TEXT NOT NULL,
    line     TEXT
  );
  CREATE INDEX versions_by_issue ON versions (issue_id, seq);

  CREATE TABLE outbox (
    issue_id       TEXT PRIMARY KEY,
    seq            INTEGER NOT NULL, -- of the event that made the issue news
    since_ms       INTEGER NOT NULL,
    shared_counter INTEGER NOT NULL  -- how many of this clone's own writes of it the others were sent
  ) WITHOUT ROWID;

  -- Lines of the branch that this bd cannot read, to be carried on as they are.
  CREATE TABLE carried_lines (
    line     BLOB NOT NULL,
    issue_id TEXT
  );

  -- What a change answered, by the key of the command that asked for it.
  CREATE TABLE answers (
    seq    INTEGER PRIMARY KEY,
    key    TEXT NOT NULL UNIQUE,
    result TEXT NOT NULL
  ) STRICT;

  -- What a store remembers besides issues, as JSON: state.ts lists the keys.
  CREATE TABLE state (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID;
`;
