import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isDirectory, readTextIfReachable, statIfReachable } from '../platform/safe-stat.ts';

/** A repository as one of its working trees has it. */
export interface GitRepository {
  /** Of this working tree. */
  gitDir: string;
  /** Of the repository: the same for all its worktrees. */
  commonDir: string;
  /** The real path of the working tree. */
  topLevel: string;
}

/**
 * The repository that contains `directory`, by git's own rules (gitrepository-layout(5)), from the files
 * alone, so that opening a workspace costs no process. Git itself may still refuse to use it.
 */
export function findGitRepository(directory: string): GitRepository | undefined {
  for (let at = directory; ; at = dirname(at)) {
    try {
      const repository = repositoryAt(at);
      if (repository !== undefined || at === dirname(at)) return repository;
    } catch {
      // The repository of this working tree is gone. Git refuses it too, and one further up is another.
      return undefined;
    }
  }
}

function repositoryAt(directory: string): GitRepository | undefined {
  const dotGit = join(directory, '.git');
  const gitDir = isGitDirectory(dotGit) ? dotGit : followPointer(dotGit);
  // Never a bare repository: a clone may contain one, with a configuration that runs programs.
  if (gitDir === undefined) return undefined;
  const commonDir = resolve(gitDir, readText(join(gitDir, 'commondir'))?.trim() ?? '');
  return {
    gitDir: realpathSync(gitDir),
    commonDir: realpathSync(commonDir),
    topLevel: realpathSync(directory),
  };
}

/** Whether git, unlike bd, would use the directory as a repository. */
export function isBareRepository(directory: string): boolean {
  return isGitDirectory(directory) && isDirectory(join(directory, 'refs'));
}

/** In linked worktrees and submodules `.git` is a file: `gitdir: <path>`. */
function followPointer(dotGit: string): string | undefined {
  const target = /^gitdir: (.+)$/m.exec(readText(dotGit) ?? '')?.[1];
  return target === undefined ? undefined : resolve(dirname(dotGit), target);
}

function isGitDirectory(path: string): boolean {
  return (
    statIfReachable(join(path, 'HEAD'))?.isFile() === true && isDirectory(join(path, 'objects'))
  );
}

/** Throws when the file exists and cannot be read. */
function readText(path: string): string | undefined {
  return statIfReachable(path)?.isFile() === true ? readFileSync(path, 'utf8') : undefined;
}

/**
 * The main working tree. A bare repository has none, except one in `project/.bare` that `project/.git`
 * leads to: there it is the project directory.
 */
export function findMainWorktree(commonDir: string): GitRepository | undefined {
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
export function listLinkedWorktrees(commonDir: string): GitRepository[] {
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

function worktreeAt(path: string): GitRepository | undefined {
  try {
    const directory = realpathSync(path);
    const repository = findGitRepository(directory);
    return repository?.topLevel === directory ? repository : undefined;
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
