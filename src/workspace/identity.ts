import { openSharedGit, type Git } from '../git/git.ts';
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
  const git = repository && openSharedGit(repository, { env });
  const [name, email] = await Promise.all([
    readGitSetting(git, 'user.name'),
    readGitSetting(git, 'user.email'),
  ]);
  const names = [config.text('actor'), name, env['USER'], env['LOGNAME'], loginName()];
  return { name: names.find((text) => text) ?? 'unknown', email };
}

async function readGitSetting(git: Git | undefined, key: string): Promise<string | undefined> {
  // Without git there are other names; commands that need git report that it is missing.
  const result = await git?.run(['config', '--get', key]).catch(() => undefined);
  const value = result?.stdout.toString().trim();
  return value === '' ? undefined : value;
}
