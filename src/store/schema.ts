import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Database } from '../platform/sqlite.ts';
import { BASELINE, BASELINE_SCHEMA } from './baseline.ts';
import { endLeadership } from './leadership.ts';

/** A change of the schema that comes after the baseline. */
export type SchemaStep = (database: Database) => void;

/** In order; `user_version` is the baseline's number, and one more for each that was applied. */
const STEPS: readonly SchemaStep[] = [];

export const SCHEMA_VERSION = versionAfter(STEPS);

function versionAfter(steps: readonly SchemaStep[]): number {
  return BASELINE + steps.length;
}

/** Written into the file's header, so that a store of the classic tool is not taken for ours. */
export const APPLICATION_ID = 0x62_64_64_31;

/**
 * Brings the database to the schema of this bd: all steps in one transaction that locks out every other
 * process, after a copy was made of what was there. If a step fails, the database is as it was before.
 */
export function upgrade(database: Database, steps: readonly SchemaStep[] = STEPS): void {
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

/** Call before anything of the file is changed: it belongs to the newer bd. */
export function refuseNewer(database: Database, steps: readonly SchemaStep[] = STEPS): void {
  const version = readPragma(database, 'user_version');
  const known = versionAfter(steps);
  if (version <= known) return;
  throw new BdError('STORE_UNUSABLE', {
    message: `${database.name} has schema ${version}; this bd knows ${known}`,
    remedy: 'Upgrade bd: the store was written by a newer one.',
  });
}

/** Where the store is kept as it was with an earlier schema. */
export function copyPath(path: string, version: number | ''): string {
  return `${path}-schema-${version}`;
}

/** Not `pragma()`: it would leave a statement for the garbage collector. */
export function readPragma(database: Database, name: string): number {
  return database.prepare<[], number>(`PRAGMA ${name}`).pluck().get() ?? 0;
}

/** Whole or not at all; it replaces the copies of earlier upgrades. */
function keepCopy(database: Database, version: number): void {
  const path = database.name;
  const [directory, copy] = [dirname(path), copyPath(path, version)];
  const temporary = `.${basename(path)}-schema.`;
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
