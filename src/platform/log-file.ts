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

const APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;

const READING = constants.O_RDONLY;

/** Looked for at each opening: a link that a repository brings along leads out of it. */
const NO_LINK = constants.O_NOFOLLOW;

/**
 * Writes a line at the end, for this user's eyes only. The file is opened for each, as there are few:
 * one that was taken away is there again with the next line, and none is held open meanwhile.
 */
export function appendToLog(
  path: string,
  line: string,
  { bytesMax = LOG_BYTES_MAX }: { bytesMax?: number } = {},
): void {
  const file = openSync(path, APPENDING | NO_LINK, 0o600);
  try {
    const { size, mode } = fstatSync(file);
    if ((mode & 0o077) !== 0) fchmodSync(file, 0o600);
    if (size + Buffer.byteLength(line) > bytesMax) putAside(path, file);
    writeSync(file, line);
  } finally {
    closeSync(file);
  }
}

/** The end of the log, in whole lines, at most so many bytes of it; empty when it cannot be read. */
export function readLogTail(path: string, { bytesMax }: { bytesMax: number }): string[] {
  try {
    const file = openSync(path, READING | NO_LINK);
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
 * One old log is kept. The file is emptied, not renamed: what Node itself says when it dies goes to
 * the descriptor that the daemon was started with, and that has to stay the log.
 */
function putAside(path: string, file: number): void {
  const old = `${path}.1`;
  try {
    rmSync(old, { force: true });
    copyFileSync(path, old, constants.COPYFILE_EXCL);
  } catch {
    // On a full disk, say, the old lines are given up: that the log stays small is promised.
    rmSync(old, { force: true });
  }
  ftruncateSync(file, 0);
}
