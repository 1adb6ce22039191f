import { statIfReachable } from './safe-stat.ts';

/** Which file it is, and what was written to it as far as its status tells. */
const PLACE = ['dev', 'ino'] as const;
const CONTENT = ['size', 'mtimeMs'] as const;

/**
 * Another one when somebody wrote to the file or put another in its place; `none` without it. A replaced file
 * can get the number of the one before: its size and time tell them apart.
 */
export function fileVersion(path: string): string {
  return read(path, [...PLACE, ...CONTENT]);
}

/** Another one when somebody wrote to the file. */
export function contentVersion(path: string): string {
  return read(path, CONTENT);
}

/**
 * Whether the file at this path is still the one that it was at the call; a file that comes or goes
 * is another one. The caller keeps the file open, or a new one could get its number.
 */
export function watchIdentity(path: string): () => boolean {
  const original = read(path, PLACE);
  return () => read(path, PLACE) === original;
}

/** Out of reach is as good as gone: nobody can say that it is the same. */
function read(path: string, facts: readonly (typeof PLACE | typeof CONTENT)[number][]): string {
  const status = statIfReachable(path);
  return status === undefined ? 'none' : facts.map((fact) => status[fact]).join(':');
}
