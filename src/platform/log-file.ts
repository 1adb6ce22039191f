import {
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { LOG_BYTES_MAX } from '../core/limits.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

// `O_NOFOLLOW`, as a repository may contain a link to somewhere else.
const APPENDING = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW;
const READING = O_RDONLY | O_NOFOLLOW;

/**
 * Appends a line that only this user can read. Lines are few, so the file is opened for each: after a
 * removal the next line makes it again, and no descriptor stays open.
 */
export function appendToLog(
  path: string,
  line: string,
  { bytesMax = LOG_BYTES_MAX }: { bytesMax?: number } = {},
): void {
  const file = openSync(path, APPENDING, 0o600);
  try {
    const { size, mode } = fstatSync(file);
    if ((mode & 0o077) !== 0) fchmodSync(file, 0o600);
    if (size + Buffer.byteLength(line) > bytesMax) putAside(path, file);
    writeSync(file, line);
  } finally {
    closeSync(file);
  }
}

/** The last whole lines of the log within `bytesMax`; empty when it cannot be read. */
export function readLogTail(path: string, { bytesMax }: { bytesMax: number }): string[] {
  try {
    const file = openSync(path, READING);
    try {
      const { size } = fstatSync(file);
      const from = Math.max(0, size - bytesMax);
      const bytes = Buffer.alloc(size - from);
      const count = readSync(file, bytes, 0, bytes.length, from);
      const lines = bytes.toString('utf8', 0, count).split('\n').filter(Boolean);
      return from === 0 ? lines : lines.slice(1);
    } finally {
      closeSync(file);
    }
  } catch {
    return [];
  }
}

/**
 * Keeps one old log. The file is emptied, not renamed: what Node itself prints when it dies goes to the
 * descriptor that the process was started with, which must stay the log.
 */
function putAside(path: string, file: number): void {
  const old = `${path}.1`;
  try {
    rmSync(old, { force: true });
    copyFileSync(path, old, constants.COPYFILE_EXCL);
  } catch {
    // On a full disk the old lines are lost: the log must stay small.
    rmSync(old, { force: true });
  }
  ftruncateSync(file, 0);
}
