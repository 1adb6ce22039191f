import { omitUndefined } from '../core/omit-undefined.ts';
import { basename } from 'node:path';
import { SSH_CONNECT_TIMEOUT_S } from '../core/limits.ts';
import type { Environment } from '../platform/environment.ts';

/** Programs that git would start to ask a question, which would never be answered. */
const INTERACTIVE = /^(?:EDITOR|VISUAL|PAGER|PREFIX|SSH_ASKPASS)$/i;

/**
 * The environment of our git children: the user's own (HOME, proxies, the ssh agent) without any `GIT_*`,
 * which a hook that started us has set for its own repository, and without any way to ask a question.
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
    ...omitUndefined({ GIT_DIR: gitDir }),
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    // Set but empty, git uses neither core.askPass nor the terminal.
    GIT_ASKPASS: '',
    SSH_ASKPASS_REQUIRE: 'never',
    GCM_INTERACTIVE: 'never',
    GIT_SSH_COMMAND: promptlessSsh(sshCommand ?? sshCommandIn(env) ?? 'ssh'),
  };
}

/** The user's own ssh, if the environment names one; it takes precedence over `core.sshCommand`. */
export function sshCommandIn(env: Environment): string | undefined {
  return env['GIT_SSH_COMMAND'] || undefined;
}

/** Only OpenSSH has these options; another program is left as the user set it. */
function promptlessSsh(command: string): string {
  const program = basename(
    /^\s*(?:"([^"]+)"|'([^']+)'|(\S+))/.exec(command)?.slice(1).find(Boolean) ?? '',
  );
  if (!/^ssh(?:\.exe)?$/i.test(program)) return command;
  return `${command} -oBatchMode=yes -oConnectTimeout=${SSH_CONNECT_TIMEOUT_S}`;
}
