import { loginName, type Environment } from '../platform/environment.ts';

/** Whose clone this is: the actor of every change that names none. */
export interface Identity {
  name: string;
  email: string | undefined;
}

/** Asks git once; without git or a name there, the login name has to do. */
export async function readIdentity({
  actor,
  gitSetting,
  env,
}: {
  /** The `actor` setting; empty when not set. */
  actor: string;
  gitSetting: (key: string) => Promise<string | undefined>;
  env: Environment;
}): Promise<Identity> {
  const [name, email] = await Promise.all([gitSetting('user.name'), gitSetting('user.email')]);
  return {
    name: [actor, name, env['USER'], env['LOGNAME'], loginName()].find((text) => text) ?? 'unknown',
    email,
  };
}
