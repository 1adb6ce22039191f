import { statSync } from 'node:fs';

/**
 * Another one when somebody wrote to the file or put another in its place; `none` without it. A replaced file
 * can get the number of the one before: its size and time tell them apart.
 */
export function fileVersion(path: string): string {
  try {
    const { dev, ino, size, mtimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs].join(':');
  } catch {
    return 'none';
  }
}
