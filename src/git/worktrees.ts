import { readdirSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { findGitRepository } from './repository.ts';
import { readTextIfReachable } from '../platform/safe-stat.ts';

export interface GitWorktree {
  /** The real path of the working tree. */
  directory: string;
  /** The git directory that is its own. */
  gitDir: string;
}

/**
 * The main working tree. A bare repository has none, except one in `project/.bare` that `project/.git`
 * leads to: there it is the project directory.
 */
export function findMainWorktree(commonDir: string): GitWorktree | undefined {
  const submodule = /^\s*worktree\s*=\s*(.+?)\s*$/m.exec(
    readTextIfReachable(join(commonDir, 'config')) ?? '',
  );
  const directories = [dirname(commonDir), submodule?.[1]].filter((path) => path !== undefined);
  return directories
    .map((directory) => worktreeAt(resolve(commonDir, directory)))
    .find((worktree) => worktree?.gitDir === commonDir);
}

/**
 * The linked working trees, sorted by name, from the files in the common directory. Leaves out those that
 * are gone, cannot be reached, or belong to another repository by now.
 */
export function listLinkedWorktrees(commonDir: string): GitWorktree[] {
  const administration = join(commonDir, 'worktrees');
  return namesIn(administration).flatMap((name) => {
    const gitDir = join(administration, name);
    const dotGit = readTextIfReachable(join(gitDir, 'gitdir'))?.trim();
    if (dotGit === undefined) return [];
    const worktree = worktreeAt(dirname(resolve(gitDir, dotGit)));
    return worktree?.gitDir === gitDir ? [worktree] : [];
  });
}

/** The git directories that working trees of the repository can have, also of those that are out of reach now. */
export function listWorktreeGitDirs(commonDir: string): string[] {
  const administration = join(commonDir, 'worktrees');
  return [commonDir, ...namesIn(administration).map((name) => join(administration, name))];
}

function worktreeAt(path: string): GitWorktree | undefined {
  const directory = realPath(path);
  const repository = directory === undefined ? undefined : findGitRepository(directory);
  if (repository === undefined || repository.topLevel !== directory) return undefined;
  return { directory, gitDir: repository.gitDir };
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    // Most repositories have no linked worktree, so no such directory.
    return [];
  }
}
