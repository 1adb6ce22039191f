import { borrowOffline, borrowRepository } from '../../git/borrowed-repository.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import type { Project } from '../../sync/branch/branch-snapshot.ts';
import type { Config } from '../config/config.ts';
import { openBranch } from '../cycles.ts';

export type ProjectSearch = (
  repository: GitRepository,
  around: { config: Config; env: Environment; clock: Clock },
) => Promise<Project | undefined>;

/** The project whose issues the repository's remote holds. Keeps what it fetches. */
export const findProject: ProjectSearch = (repository, { config, env, clock }) =>
  openBranch(repository, { config, env, clock, projectId: '' }).findProject();

/** The same, in a borrowed repository: leaves nothing behind. */
export const lookForProject: ProjectSearch = async (repository, around) => {
  await using borrowed = await borrowRepository(repository.commonDir);
  return await findProject({ ...repository, commonDir: borrowed.gitDir }, around);
};

/** The project that came with the clone. Asks no remote. */
export const recallProject: ProjectSearch = async (repository, around) => {
  await using borrowed = await borrowOffline(repository.commonDir);
  return await findProject({ ...repository, commonDir: borrowed.gitDir }, around);
};
