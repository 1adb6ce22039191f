import { accessSync, constants, statfsSync } from 'node:fs';

/** In memory, on Linux: what tests write there needs no disk to sync it. */
const MEMORY = '/dev/shm';

/** More than all that the tests of a run keep at once. */
const FREE_BYTES_MIN = 2 * 1024 ** 3;

/** Where the tests of this run put their files, unless TMPDIR says. Inherited by the workers. */
export function chooseTmpdir(): void {
  if (process.env['TMPDIR'] === undefined && hasRoom(MEMORY)) process.env['TMPDIR'] = MEMORY;
}

function hasRoom(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize >= FREE_BYTES_MIN;
  } catch {
    return false;
  }
}
