import { userId } from './owner.ts';
import { lstatIfReachable } from './safe-stat.ts';

/**
 * What is in the place of a directory that no other user may enter. `private`: this user's, and closed to
 * others. `open`: this user's, and others may enter.
 */
export type DirectoryStanding = 'missing' | 'private' | 'open' | 'of others' | 'no directory';

export function judgeDirectory(path: string): DirectoryStanding {
  const status = lstatIfReachable(path);
  if (status === undefined) return 'missing';
  if (!status.isDirectory()) return 'no directory';
  if (status.uid !== userId()) return 'of others';
  return (status.mode & 0o077) === 0 ? 'private' : 'open';
}

export function isPrivateDirectory(path: string): boolean {
  return judgeDirectory(path) === 'private';
}
