import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { createTempDirectory, type TempDirectory } from './temp-directory.ts';

/** An empty `.beads` in a temp directory, another one for each test of the file: read where it is used. */
export interface BeadsDirectory {
  /** The project's. */
  readonly path: string;
  readonly beadsDir: string;
  readonly place: WorkspacePlace;
}

export function useBeadsDirectory(): BeadsDirectory {
  let temp: TempDirectory;
  const beadsDir = (): string => join(temp.path, '.beads');
  beforeEach(() => {
    temp = createTempDirectory();
    mkdirSync(beadsDir());
  });
  afterEach(() => temp[Symbol.dispose]());
  return {
    get path() {
      return temp.path;
    },
    get beadsDir() {
      return beadsDir();
    },
    get place() {
      return new WorkspacePlace(beadsDir());
    },
  };
}
