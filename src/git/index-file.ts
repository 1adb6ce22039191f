import { copyFile, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { isNotFound } from '../platform/files.ts';
import { gitOutput, type Git } from './git.ts';
import { indexLockPath } from './operation-in-progress.ts';
import type { FileEntry } from './tree.ts';

/**
 * Takes git's own lock on the index: no git command stages or commits while it is held. Undefined while git
 * holds it. The file says `owner`, so that a lock left by a killed owner can be told apart and removed; it
 * would stop every git command.
 */
export async function takeIndexLock(
  gitDir: string,
  owner: string,
): Promise<{ release(): Promise<void> } | undefined> {
  const path = indexLockPath(gitDir);
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(owner);
    } catch (error) {
      // On a full disk, say: a lock without its owner's name would stop git for good.
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

/** Call before `owner` takes a lock itself; two processes never share an owner's name at a time. */
export async function removeLeftIndexLock(gitDir: string, owner: string): Promise<void> {
  const path = indexLockPath(gitDir);
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content === owner) await rm(path, { force: true });
}

/** What is staged for a path; `several` in the middle of a merge. */
type Staged = FileEntry | 'several' | undefined;

/** A copy of the user's index, changed beside it and then put in its place. */
export class IndexCopy implements AsyncDisposable {
  readonly #git: Git;
  readonly #original: string;
  readonly #copy: string;
  #identity: string | undefined;

  private constructor(git: Git) {
    this.#git = git;
    this.#original = join(git.gitDir, 'index');
    this.#copy = join(git.gitDir, 'bd-index');
  }

  static async make(git: Git): Promise<IndexCopy> {
    const index = new IndexCopy(git);
    await index[Symbol.asyncDispose]();
    index.#identity = await identify(index.#original);
    if (index.#identity !== undefined) await copyWithTime(index.#original, index.#copy);
    return index;
  }

  async staged(path: string): Promise<Staged> {
    const args = ['ls-files', '--stage', '-z', '--', `:(literal)${path}`];
    const listing = await gitOutput(this.#git, args, { indexFile: this.#copy });
    const [entry, ...more] = listing.split('\0').filter((line) => line !== '');
    if (entry === undefined) return undefined;
    const [mode = '', oid = ''] = entry.split(' ');
    return more.length === 0 ? { mode, oid } : 'several';
  }

  /**
   * Stages `oid` with the times of the file at `path`, so that the file counts as unchanged; undefined when
   * that file holds something else by now.
   */
  async stage(path: string, oid: string): Promise<FileEntry | undefined> {
    const args = ['update-index', '--add', '--cacheinfo', `100644,${oid},${path}`, '--', path];
    await gitOutput(this.#git, args, { indexFile: this.#copy });
    const entry = await this.staged(path);
    return typeof entry === 'object' && entry.oid === oid ? entry : undefined;
  }

  /** Call while holding the index's lock; false when the index is not the one that was copied. */
  async publish(): Promise<boolean> {
    if ((await identify(this.#original)) !== this.#identity) return false;
    await rename(this.#copy, this.#original);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const left of [this.#copy, `${this.#copy}.lock`]) await rm(left, { force: true });
  }
}

/**
 * Git compares the times of files with that of the index, to find files that may have changed within one
 * tick of the clock. A time that is too old makes git look closer; one that is too new makes it miss them.
 */
async function copyWithTime(from: string, to: string): Promise<void> {
  const { mtimeMs } = await stat(from);
  await copyFile(from, to);
  const wholeSecond = Math.floor(mtimeMs / 1000);
  await utimes(to, wholeSecond, wholeSecond);
}

/** Git never changes an index file; it puts a new one in its place. */
async function identify(path: string): Promise<string | undefined> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
