import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { BdError } from '../core/errors.ts';
import { endLeadership } from './leadership.ts';
import { initial } from './migrations/001-initial.ts';
import { causal } from './migrations/002-causal.ts';
import { shards } from './migrations/003-shards.ts';
import { answers } from './migrations/004-answers.ts';

/** In order; `user_version` counts those that were applied. */
const MIGRATIONS: readonly ((database: Database) => void)[] = [
  (database) => void database.exec(initial),
  causal,
  shards,
  (database) => void database.exec(answers),
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Written into the file's header, so that a store of the classic tool is not taken for ours. */
export const APPLICATION_ID = 0x62_64_64_31;

/**
 * Brings the database to the schema of this bd: all steps in one transaction that keeps everybody else out,
 * after a copy was made of what was there. One that cannot be brought there is as it was before.
 */
export function upgrade(database: Database): void {
  const version = readPragma(database, 'user_version');
  if (version === SCHEMA_VERSION) return;
  if (version > 0) keepCopy(database, version);
  database
    .transaction(() => {
      // Another process may have been quicker.
      const present = readPragma(database, 'user_version');
      if (present >= SCHEMA_VERSION) return;
      for (const migrate of MIGRATIONS.slice(present)) migrate(database);
      endLeadership(database);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    })
    .exclusive();
}

/** Asked before anything of the file is changed: it belongs to the newer bd. */
export function refuseNewer(database: Database): void {
  const version = readPragma(database, 'user_version');
  if (version <= SCHEMA_VERSION) return;
  throw new BdError('STORE_UNUSABLE', {
    message: `${database.name} has schema ${version}; this bd knows ${SCHEMA_VERSION}`,
    remedy: 'Upgrade bd: the store was written by a newer one.',
  });
}

/** Where the store lies as it was with an earlier schema. */
export function copyPath(path: string, version: number | ''): string {
  return `${path}-schema-${version}`;
}

/** Not `pragma()`: it would leave a statement for the collector. */
export function readPragma(database: Database, name: string): number {
  return database.prepare<[], number>(`PRAGMA ${name}`).pluck().get() ?? 0;
}

/** Whole or not at all; it takes the place of the copies of earlier upgrades. */
function keepCopy(database: Database, version: number): void {
  const path = database.name;
  const [directory, copy] = [dirname(path), copyPath(path, version)];
  const temporary = temporaryPrefix(path);
  // Left by an upgrade that was killed.
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

function temporaryPrefix(path: string): string {
  return `.${basename(path)}-schema.`;
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
