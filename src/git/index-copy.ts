import { copyFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isNotFound } from '../platform/files.ts';
import type { Git } from './git.ts';
import { gitOutput } from './git-output.ts';
import type { FileEntry } from './tree-path.ts';

/** What is staged for a path; `several` in the middle of a merge. */
type Staged = FileEntry | 'several' | undefined;

/** A copy of the person's index, to be changed beside it and then put in its place. */
export interface IndexCopy extends AsyncDisposable {
  staged(path: string): Promise<Staged>;
  /**
   * Stages `oid`, with the times of the file at `path`, so that it counts as unchanged; undefined when
   * that file shows something else by now.
   */
  stage(path: string, oid: string): Promise<FileEntry | undefined>;
  /** Call under the index's lock; false when the index is another one than was copied. */
  publish(): Promise<boolean>;
}

export async function copyIndex(git: Git): Promise<IndexCopy> {
  const original = join(git.gitDir, 'index');
  const indexFile = join(git.gitDir, 'bd-index');
  const discard = async (): Promise<void> => {
    for (const left of [indexFile, `${indexFile}.lock`]) await rm(left, { force: true });
  };
  await discard();
  const before = await identify(original);
  if (before !== undefined) await copyWithTime(original, indexFile);

  const staged = async (path: string): Promise<Staged> => {
    const args = ['ls-files', '--stage', '-z', '--', `:(literal)${path}`];
    const listing = await gitOutput(git, args, { indexFile });
    const [entry, ...more] = listing.split('\0').filter((line) => line !== '');
    if (entry === undefined) return undefined;
    const [mode = '', oid = ''] = entry.split(' ');
    return more.length === 0 ? { mode, oid } : 'several';
  };

  return {
    staged,
    async stage(path, oid) {
      const info = ['--cacheinfo', `100644,${oid},${path}`];
      await gitOutput(git, ['update-index', '--add', ...info, '--', path], { indexFile });
      const entry = await staged(path);
      return typeof entry === 'object' && entry.oid === oid ? entry : undefined;
    },
    async publish() {
      if ((await identify(original)) !== before) return false;
      await rename(indexFile, original);
      return true;
    },
    [Symbol.asyncDispose]: discard,
  };
}

/**
 * Git compares the times of files with that of the index to find those that may have changed within
 * one tick of the clock. An older time than the true one makes it look closer, a newer one makes it miss them.
 */
async function copyWithTime(from: string, to: string): Promise<void> {
  const { mtimeMs } = await stat(from);
  await copyFile(from, to);
  const wholeSecond = Math.floor(mtimeMs / 1000);
  await utimes(to, wholeSecond, wholeSecond);
}

/** Git never writes into an index: it puts a new file in its place. */
async function identify(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
