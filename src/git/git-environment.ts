import { basename } from 'node:path';
import { SSH_CONNECT_TIMEOUT_S } from '../core/limits.ts';
import type { Environment } from '../platform/environment.ts';

/** Programs that git would start to ask a person; nobody is there to answer. */
const INTERACTIVE = /^(?:EDITOR|VISUAL|PAGER|PREFIX|SSH_ASKPASS)$/i;

/**
 * What a git child of ours gets to see: the person's own environment (HOME, proxies, the ssh agent)
 * without any `GIT_*`, which a hook that started us would have set for its own repository, and
 * without any way to ask.
 */
export function buildGitEnvironment(
  env: Environment,
  { gitDir, sshCommand }: { gitDir?: string; sshCommand?: string } = {},
): Record<string, string> {
  const built: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined || /^GIT_/i.test(name) || INTERACTIVE.test(name)) continue;
    built[name] = value;
  }
  return {
    ...built,
    ...(gitDir === undefined ? {} : { GIT_DIR: gitDir }),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    // Set but empty: git then asks neither core.askPass nor the terminal.
    GIT_ASKPASS: '',
    SSH_ASKPASS_REQUIRE: 'never',
    GCM_INTERACTIVE: 'never',
    GIT_SSH_COMMAND: promptlessSsh(sshCommand ?? sshCommandIn(env) ?? 'ssh'),
  };
}

/** The person's own ssh, when the environment names one; it goes before `core.sshCommand`. */
export function sshCommandIn(env: Environment): string | undefined {
  return env['GIT_SSH_COMMAND'] || undefined;
}

/** Only OpenSSH knows these options; another program is left as the person set it. */
function promptlessSsh(command: string): string {
  const program = basename(
    /^\s*(?:"([^"]+)"|'([^']+)'|(\S+))/.exec(command)?.slice(1).find(Boolean) ?? '',
  );
  if (!/^ssh(?:\.exe)?$/i.test(program)) return command;
  return `${command} -oBatchMode=yes -oConnectTimeout=${SSH_CONNECT_TIMEOUT_S}`;
}
