import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDirectory extends Disposable {
  readonly path: string;
}

/** A short path, as sockets have to fit; real, so that it compares equal with what bd says. */
export function createTempDirectory(): TempDirectory {
  const path = realpathSync.native(mkdtempSync(join(tmpdir(), 'bd-')));
  return { path, [Symbol.dispose]: () => removeTree(path) };
}

/** Tries again, as a person would: a daemon may be writing a file there just then. */
export function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}
