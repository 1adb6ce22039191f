import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Git as the person calls it: by its own path, past the recorder that stands first in PATH, so that what
 * passes the recorder is bd's.
 */
export const REAL_GIT = (process.env['BD_TEST_GIT'] ??= findGit());

function findGit(): string {
  const places = (process.env['PATH'] ?? '/usr/bin:/bin').split(delimiter);
  const found = places.map((place) => join(place, 'git')).find(isProgram);
  if (found === undefined) throw new Error('these tests need git');
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
