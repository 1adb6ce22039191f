import type { Git } from '../git/git.ts';
import { loginName, type Environment } from '../platform/environment.ts';

/** Whose clone this is: the actor of every change that names none. */
export interface Identity {
  name: string;
  email: string | undefined;
}

/** Asks git once; without git or a name there, the login name has to do. */
export async function readIdentity({
  actor,
  git,
  env,
}: {
  /** The `actor` setting; empty when not set. */
  actor: string;
  /** Undefined without a repository. */
  git: Git | undefined;
  env: Environment;
}): Promise<Identity> {
  const [name, email] = await Promise.all([
    readGitSetting(git, 'user.name'),
    readGitSetting(git, 'user.email'),
  ]);
  return {
    name: [actor, name, env['USER'], env['LOGNAME'], loginName()].find((text) => text) ?? 'unknown',
    email,
  };
}

async function readGitSetting(git: Git | undefined, key: string): Promise<string | undefined> {
  // Who one is can be told without git; that git is missing shows where it is needed.
  const result = await git?.run(['config', '--get', key]).catch(() => undefined);
  const value = result?.stdout.toString().trim();
  return value === '' ? undefined : value;
}
