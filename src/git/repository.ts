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
 * The repository that `directory` is in, by git's own rules (gitrepository-layout(5)), from the files
 * alone: opening a workspace is to cost no process. Whether git is willing to use it shows later.
 */
export function findGitRepository(directory: string): GitRepository | undefined {
  for (let at = directory; ; at = dirname(at)) {
    try {
      const repository = repositoryAt(at);
      if (repository !== undefined || at === dirname(at)) return repository;
    } catch {
      // A working tree whose repository is gone: git refuses it, and one further up is another's.
      return undefined;
    }
  }
}

function repositoryAt(directory: string): GitRepository | undefined {
  const dotGit = join(directory, '.git');
  const gitDir = isGitDirectory(dotGit) ? dotGit : followPointer(dotGit);
  // Never a bare repository in plain sight: a clone may carry one, with a configuration that runs programs.
  if (gitDir === undefined) return undefined;
  return { ...withCommonDir(gitDir), topLevel: realpathSync(directory) };
}

/** Whether git itself, unlike bd, would take the directory for a repository. */
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

/** Throws for one that is there and cannot be read. */
function readText(path: string): string | undefined {
  return statIfReachable(path)?.isFile() === true ? readFileSync(path, 'utf8') : undefined;
}
