import { closeSync, fchownSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lstatIfReachable } from './safe-stat.ts';

/** Systems without user ids report 0 for every file. */
export function userId(): number {
  return process.getuid?.() ?? 0;
}

/** The owner of the directory, when that is not the user of this process. */
export function foreignOwner(directory: string): number | undefined {
  const uid = statSync(directory, { throwIfNoEntry: false })?.uid;
  return uid === undefined || uid === userId() ? undefined : uid;
}

/** The owner that new files of root should get in this directory: the user could not write them otherwise. */
export function heirOf(directory: string): { uid: number; gid: number } | undefined {
  if (userId() !== 0 || foreignOwner(directory) === undefined) return undefined;
  const { uid, gid } = statSync(directory);
  return { uid, gid };
}

/** Creates empty files for the owner of the directory; leaves files that exist. */
export function createForHeir(directory: string, names: readonly string[]): void {
  const heir = heirOf(directory);
  if (heir === undefined) return;
  for (const name of names) {
    try {
      // Only a new file changes its owner, never one that exists or a link.
      const file = openSync(join(directory, name), 'wx', 0o644);
      fchownSync(file, heir.uid, heir.gid);
      closeSync(file);
    } catch {
      // It exists, or cannot be made: its first use reports that.
    }
  }
}

/**
 * What is at the path of a directory for this user alone. `private`: a directory of this user that others
 * cannot enter. `open`: one that they can.
 */
type DirectoryAccess = 'missing' | 'private' | 'open' | 'of others' | 'no directory';

export function judgeDirectory(path: string): DirectoryAccess {
  const status = lstatIfReachable(path);
  if (status === undefined) return 'missing';
  if (!status.isDirectory()) return 'no directory';
  if (status.uid !== userId()) return 'of others';
  return (status.mode & 0o077) === 0 ? 'private' : 'open';
}

export function isPrivateDirectory(path: string): boolean {
  return judgeDirectory(path) === 'private';
}
