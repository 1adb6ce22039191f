import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { operationInProgress } from '../platform/git-operation.ts';
import { findGitRepository, type GitRepository } from '../platform/git-repository.ts';
import { findMainWorktree, listLinkedWorktrees } from '../platform/git-worktrees.ts';
import type { MirrorCopy } from '../sync/mirror-copies.ts';
import type { Tracking } from '../sync/mirror-file.ts';
import type { Config } from './config.ts';

export interface WorktreeMirror extends MirrorCopy {
  /** The git directory of its working tree. */
  gitDir: string;
}

/** The mirror's place in each other working tree of the repository that has a `.beads` directory there. */
export function findWorktreeMirrors({
  beadsDir,
  mirrorName,
}: {
  beadsDir: string;
  mirrorName: string;
}): WorktreeMirror[] {
  const repository = findGitRepository(beadsDir);
  if (repository === undefined) return [];
  const place = relative(repository.topLevel, beadsDir);
  const main = findMainWorktree(repository.commonDir);
  return [...(main === undefined ? [] : [main]), ...listLinkedWorktrees(repository.commonDir)]
    .filter(({ directory }) => directory !== repository.topLevel)
    .filter(({ directory }) => isPlainDirectory(join(directory, place), repository))
    .map(({ directory, gitDir }) => ({
      name: `${relative(repository.commonDir, gitDir)} ${statSync(gitDir).ino}`,
      path: join(directory, place, mirrorName),
      gitDir,
    }));
}

/** When the mirror is the person's to commit, what git is doing to the working tree that it is in. */
export function createTracking(config: Config, gitDir: string): () => Tracking | undefined {
  return () =>
    config.text('sync.mode') === 'branch'
      ? undefined
      : {
          operation: operationInProgress(gitDir),
          isLocked: existsSync(join(gitDir, 'index.lock')),
        };
}

/** Through no link, as a branch can bring one along; and not one that leads the way to another workspace. */
function isPlainDirectory(path: string, { commonDir }: GitRepository): boolean {
  try {
    return (
      lstatSync(path).isDirectory() &&
      realpathSync(path) === path &&
      !existsSync(join(path, 'redirect')) &&
      findGitRepository(path)?.commonDir === commonDir
    );
  } catch {
    return false;
  }
}
