import type { Git } from '../git/git.ts';
import type { GitRepository } from '../git/repository.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { loginName, type Environment } from '../platform/environment.ts';
import type { Config } from './config/config.ts';

/** The person whose clone this is: the actor of each change that names none. */
export interface Identity {
  name: string;
  email: string | undefined;
}

/** The `actor` setting, else git's user, else the login name. */
export async function readIdentity(
  { repository }: WorkspacePlace,
  { config, env }: { config: Config; env: Environment },
): Promise<Identity> {
  const git = repository && (await openGit(repository, env));
  const [name, email] = await Promise.all([
    readGitSetting(git, 'user.name'),
    readGitSetting(git, 'user.email'),
  ]);
  const names = [config.text('actor'), name, env['USER'], env['LOGNAME'], loginName()];
  return { name: names.find((text) => text) ?? 'unknown', email };
}

/** Git is loaded when it is asked first: a daemon that only answers questions needs none. */
async function openGit(repository: GitRepository, env: Environment): Promise<Git> {
  const { openSharedGit } = await import('../git/git.ts');
  return openSharedGit(repository, { env });
}

async function readGitSetting(git: Git | undefined, key: string): Promise<string | undefined> {
  // Without git there are other names; commands that need git report that it is missing.
  const result = await git?.run(['config', '--get', key]).catch(() => undefined);
  const value = result?.stdout.toString().trim();
  return value === '' ? undefined : value;
}
