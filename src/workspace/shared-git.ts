import type { Environment } from '../platform/environment.ts';
import { createGit, type Git } from '../git/git.ts';
import type { GitRepository } from '../git/repository.ts';

/** Worktrees share the repository's refs, so the common directory is the one that counts. */
export function openSharedGit(
  { commonDir, topLevel }: GitRepository,
  { env }: { env: Environment },
): Git {
  return createGit({ gitDir: commonDir, directory: topLevel, env });
}
