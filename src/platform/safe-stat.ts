import { lstatSync, readFileSync, statSync, type Stats } from 'node:fs';

/** Undefined for what is missing, and for what we may not look at: nobody can say more of that. */
export function statIfReachable(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The same, where a link counts itself. */
export function lstatIfReachable(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

export function isDirectory(path: string): boolean {
  return statIfReachable(path)?.isDirectory() === true;
}

/** Undefined for what is no file as well: a pipe would be waited for. */
export function readTextIfReachable(path: string): string | undefined {
  if (statIfReachable(path)?.isFile() !== true) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
