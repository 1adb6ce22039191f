import { join } from 'node:path';
import { toBdError } from '../../core/errors.ts';
import type { Finding } from '../../core/finding.ts';
import type { Environment } from '../../platform/environment.ts';
import { createGit, type Git, openSharedGit } from '../../git/git.ts';
import type { GitRepository } from '../../git/repository.ts';
import { checkedRemote, findRemote } from '../../git/remote.ts';
import type { Config } from '../config/config.ts';
import { isMergedByBd } from '../init/merge-settings.ts';
import { checkGitSettings } from './git-settings.ts';

/** The oldest that knows all that bd asks of it (`fetch --no-write-fetch-head`). */
const GIT_VERSION_MIN = [2, 29] as const;

interface Place {
  repository: GitRepository;
  /** Undefined when it cannot be read. */
  config: Config | undefined;
  env: Environment;
}

/** Git as far as bd needs it, and what the repository asks git to do. Runs nothing that is configured there. */
export async function checkGit({ repository, config, env }: Place): Promise<Finding[]> {
  const { gitDir, topLevel } = repository;
  const git = createGit({ gitDir, directory: topLevel, env });
  const program = await checkProgram(git);
  if (program.status === 'error') return [program];
  const shared = openSharedGit(repository, { env });
  const settings = await checkGitSettings(shared, topLevel);
  // What git cannot read names no remote and no way to merge.
  if (settings.status === 'error') return [program, settings];
  return [
    program,
    await checkRemote(shared, config),
    ...(await checkMergeDriver({ repository, config, env })),
    settings,
  ];
}

async function checkProgram(git: Git): Promise<Finding> {
  const base = { category: 'Git', name: 'git' } as const;
  try {
    const { stdout } = await git.run(['--version']);
    const [version = '', major = 0, minor = 0] = /(\d+)\.(\d+)\S*/.exec(stdout.toString()) ?? [];
    const [majorMin, minorMin] = GIT_VERSION_MIN;
    const isOld =
      Number(major) < majorMin || (Number(major) === majorMin && Number(minor) < minorMin);
    if (!isOld) return { ...base, status: 'ok', message: version };
    const message = `git ${version} is too old for bd to share issues: it needs ${GIT_VERSION_MIN.join('.')}`;
    return { ...base, status: 'warning', message, detail: 'Install a newer git.' };
  } catch (error) {
    const { message, remedy } = toBdError(error);
    return { ...base, status: 'error', message, detail: remedy };
  }
}

/** The setting comes with a clone: only a name that this repository knows is used. */
async function checkRemote(git: Git, config: Config | undefined): Promise<Finding> {
  const base = { category: 'Git', name: 'Remote' } as const;
  const name = config?.text('sync.remote') ?? '';
  if (name === '') return { ...base, status: 'ok', message: (await findRemote(git)) ?? 'none' };
  try {
    return { ...base, status: 'ok', message: await checkedRemote(git, name) };
  } catch (error) {
    const { message } = toBdError(error);
    const detail = 'It is not used: a repository could bring along a place that runs programs.';
    return { ...base, status: 'warning', message, detail, fix: 'bd config unset sync.remote' };
  }
}

async function checkMergeDriver({ repository, config, env }: Place): Promise<Finding[]> {
  const base = { category: 'Git', name: 'Merging' } as const;
  const mode = config?.text('sync.mode') ?? 'branch';
  if (mode === 'branch') return [];
  if (await isMergedByBd(repository, env)) {
    return [{ ...base, status: 'ok', message: 'git merges issues with bd' }];
  }
  const message = 'git does not merge issues with bd in this clone';
  const detail = `Where two people changed the same issue, ${join('.beads', 'beads.jsonl')} gets conflict markers.`;
  return [{ ...base, status: 'warning', message, detail, fix: 'bd init' }];
}
