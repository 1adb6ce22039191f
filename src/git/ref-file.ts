import { chmodSync, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextIfReachable, statIfReachable } from '../platform/safe-stat.ts';

/** A ref that has a file of its own, gitrepository-layout(5), as one has that moved lately; undefined for others. */
export function readRefFile(gitDir: string, ref: string): string | undefined {
  return /^[0-9a-f]{40,64}(?=\n$)/.exec(readTextIfReachable(join(gitDir, ref)) ?? '')?.[0];
}

/**
 * Moves such a ref under git's own lock; false when it was not at `from`, undefined when git has to do it. The new
 * value is on the disk before the lock is taken, so a process that is killed hardly ever leaves the lock behind.
 */
export async function moveRefFile(
  gitDir: string,
  { ref, from, to }: { ref: string; from: string; to: string },
): Promise<boolean | undefined> {
  const path = join(gitDir, ref);
  const hasLog = existsSync(join(gitDir, 'logs', ref));
  if (hasLog || readRefFile(gitDir, ref) === undefined) return undefined;
  const staged = join(gitDir, 'bd-ref');
  try {
    await writeFile(staged, `${to}\n`, { flag: 'wx', flush: true });
    return replaceLocked(path, staged, () => readRefFile(gitDir, ref) === from);
  } catch {
    // Git holds the lock, or will say what is wrong.
    removeLeftLock(path, staged);
    return undefined;
  } finally {
    await rm(staged, { force: true });
  }
}

/** Without a turn in between. */
function replaceLocked(path: string, staged: string, isExpected: () => boolean): boolean {
  const lock = `${path}.lock`;
  chmodSync(staged, statSync(path).mode & 0o777);
  linkSync(staged, lock);
  try {
    if (!isExpected()) return false;
    renameSync(lock, path);
    return true;
  } finally {
    rmSync(lock, { force: true });
  }
}

/** A lock that is the staged file was left by a process that was killed. */
function removeLeftLock(path: string, staged: string): void {
  const [lock, ours] = [`${path}.lock`, staged].map((each) => statIfReachable(each));
  if (lock !== undefined && lock.ino === ours?.ino) rmSync(`${path}.lock`, { force: true });
}
