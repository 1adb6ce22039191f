import { lstatSync, readFileSync, statSync, type Stats } from 'node:fs';

/** Undefined for a path that is missing or may not be read. */
export function statIfReachable(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The same, of a link itself. */
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

/** Undefined too for anything but a file: reading a pipe would block. */
export function readTextIfReachable(path: string): string | undefined {
  if (statIfReachable(path)?.isFile() !== true) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
