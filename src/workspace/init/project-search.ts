import { borrowOffline, borrowRepository } from '../../git/borrowed-repository.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Environment } from '../../platform/environment.ts';
import type { GitRepository } from '../../git/repository.ts';
import type { Project } from '../../sync/branch/branch-snapshot.ts';
import type { Config } from '../config/config.ts';
import { openBranch } from '../sync-mode.ts';

interface Where {
  config: Config;
  env: Environment;
  clock: Clock;
}

export type ProjectSearch = (
  repository: GitRepository,
  where: Where,
) => Promise<Project | undefined>;

/** The project whose issues the repository's remote holds. Keeps what it fetches. */
export const findProject: ProjectSearch = async (repository, { config, env, clock }) =>
  await openBranch({ config, env, clock, repository, projectId: '' }).findProject();

/** The same, in a borrowed repository: leaves nothing behind. */
export const lookForProject: ProjectSearch = async (repository, where) => {
  await using borrowed = await borrowRepository(repository.commonDir);
  return await findProject({ ...repository, commonDir: borrowed.gitDir }, where);
};

/** The project that came with the clone. Asks no remote. */
export const recallProject: ProjectSearch = async (repository, where) => {
  await using borrowed = await borrowOffline(repository.commonDir);
  return await findProject({ ...repository, commonDir: borrowed.gitDir }, where);
};
