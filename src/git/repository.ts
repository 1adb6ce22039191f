import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isDirectory, statIfReachable } from '../platform/safe-stat.ts';

export interface GitRepository {
  /** Of this working tree. */
  gitDir: string;
  /** Of the repository: the same for all its worktrees. */
  commonDir: string;
  /** Of the working tree. */
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
  return { ...withCommonDir(gitDir), topLevel: realpathSync(directory) };
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

function withCommonDir(gitDir: string): Omit<GitRepository, 'topLevel'> {
  const common = readText(join(gitDir, 'commondir'))?.trim();
  const commonDir = common === undefined ? gitDir : resolve(gitDir, common);
  return { gitDir: realpathSync(gitDir), commonDir: realpathSync(commonDir) };
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
