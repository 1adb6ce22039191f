import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Database } from '../platform/sqlite.ts';
import { endLeadership } from './leadership.ts';
import { SCHEMA_STEPS, type SchemaStep } from './schema-steps.ts';

/** The first released schema. */
export const BASELINE = 5;

/**
 * `issues.record` is the canonical line and the only truth; every other column is derived from it when it is
 * written.
 */
const BASELINE_SCHEMA = `
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
    conflicted    INTEGER NOT NULL DEFAULT 0, -- it has a conflict for people to decide
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
    seq            INTEGER NOT NULL, -- of the latest event of the issue
    since_ms       INTEGER NOT NULL,
    shared_counter INTEGER NOT NULL  -- how many of this clone's own writes of it the others have
  ) WITHOUT ROWID;

  -- Lines of the branch that this bd cannot read and leaves unchanged.
  CREATE TABLE carried_lines (
    line     BLOB NOT NULL,
    issue_id TEXT
  );

  -- The results of changes, by the key of the command.
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

export const SCHEMA_VERSION = versionAfter(SCHEMA_STEPS);

function versionAfter(steps: readonly SchemaStep[]): number {
  return BASELINE + steps.length;
}

/** In the file's header; tells our store from one of the classic tool. */
export const APPLICATION_ID = 0x62_64_64_31;

/**
 * Brings the database to the schema of this bd. First it makes a copy; then it applies all steps in one
 * transaction that locks out every other process. If a step fails, the database is unchanged.
 */
export function upgrade(database: Database, steps: readonly SchemaStep[] = SCHEMA_STEPS): void {
  const target = versionAfter(steps);
  const version = readPragma(database, 'user_version');
  if (version === target) return;
  if (version > 0) keepCopy(database, version);
  database
    .transaction(() => {
      // Another process may have been quicker.
      const present = readPragma(database, 'user_version');
      if (present >= target) return;
      if (present === 0) database.exec(BASELINE_SCHEMA);
      for (const step of steps.slice(Math.max(0, present - BASELINE))) step(database);
      endLeadership(database);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      database.exec(`PRAGMA user_version = ${target}`);
    })
    .exclusive();
}

/** A schema from before the first release: such a store is not upgraded, but moved aside and rebuilt. */
export function isOutdated(database: Database): boolean {
  const version = readPragma(database, 'user_version');
  return version > 0 && version < BASELINE;
}

/** Call before changing anything in the file: it belongs to the newer bd. */
export function refuseNewer(database: Database, steps: readonly SchemaStep[] = SCHEMA_STEPS): void {
  const version = readPragma(database, 'user_version');
  const known = versionAfter(steps);
  if (version <= known) return;
  throw new BdError('STORE_UNUSABLE', {
    message: `${database.name} has schema ${version}; this bd knows ${known}`,
    remedy: 'Upgrade bd: the store was written by a newer one.',
  });
}

/** Path of the copy with an earlier schema. */
export function copyPath(path: string, version: number | ''): string {
  return `${path}-schema-${version}`;
}

/** Not `pragma()`: it would leave a statement for the garbage collector. */
export function readPragma(database: Database, name: string): number {
  return database.prepare<[], number>(`PRAGMA ${name}`).pluck().get() ?? 0;
}

/** Makes the whole copy or none; it replaces the copies of earlier upgrades. */
function keepCopy(database: Database, version: number): void {
  const path = database.name;
  const [directory, copy] = [dirname(path), copyPath(path, version)];
  const temporary = `.${basename(path)}-schema.`;
  // An upgrade that was killed left it.
  removeNamed(directory, (name) => name.startsWith(temporary));
  const staged = join(directory, `${temporary}${randomBytes(4).toString('hex')}.tmp`);
  try {
    database.prepare('VACUUM INTO ?').run(staged);
    syncToDisk(staged);
    renameSync(staged, copy);
  } catch (error) {
    rmSync(staged, { force: true });
    throw error;
  }
  const copies = basename(copyPath(path, ''));
  removeNamed(directory, (name) => name.startsWith(copies) && name !== basename(copy));
}

function removeNamed(directory: string, isMeant: (name: string) => boolean): void {
  for (const name of readdirSync(directory).filter(isMeant)) {
    rmSync(join(directory, name), { force: true });
  }
}

function syncToDisk(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
