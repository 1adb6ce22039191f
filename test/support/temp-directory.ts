import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDirectory extends Disposable {
  readonly path: string;
}

/** A short path, as sockets have to fit; real, so that it compares equal with what bd says. */
export function createTempDirectory(): TempDirectory {
  const path = realpathSync.native(mkdtempSync(join(tmpdir(), 'bd-')));
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
