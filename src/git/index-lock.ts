import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Git's own lock on the index of a working tree: nobody stages or commits while it is held. */
export interface IndexLock {
  release(): Promise<void>;
}

export const indexLockPath = (gitDir: string): string => join(gitDir, 'index.lock');

/**
 * Undefined while git holds it. `owner` stands in the file: one that was left by an owner who was
 * killed would stop every git command, and nobody else can tell whose it is.
 */
export async function takeIndexLock(gitDir: string, owner: string): Promise<IndexLock | undefined> {
  const path = indexLockPath(gitDir);
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(owner);
    } catch (error) {
      // On a full disk, say: without its owner's name it would stop git for good.
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined;
    throw error;
  }
  return { release: () => rm(path, { force: true }) };
}

/** Call with an `owner` of which one lives at a time, before it takes a lock itself. */
export async function removeLeftIndexLock(gitDir: string, owner: string): Promise<void> {
  const path = indexLockPath(gitDir);
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content === owner) await rm(path, { force: true });
}
