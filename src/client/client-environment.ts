import type { Environment } from '../platform/environment.ts';

/** Whole names, and what other names begin with. src/native has the same lists. */
interface VariableNames {
  names: readonly string[];
  prefixes: readonly string[];
}

/** Variables of a command that its daemon must take from the caller, not from its own environment. */
export const COMMAND_VARIABLES: VariableNames = {
  names: [
    'NO_COLOR',
    'FORCE_COLOR',
    'CLICOLOR',
    'CLICOLOR_FORCE',
    'TERM',
    'COLORTERM',
    'TZ',
    'LANG',
    'USER',
    'LOGNAME',
    'CI',
  ],
  prefixes: ['BD_', 'BEADS_', 'LC_'],
};

/**
 * What a daemon keeps from the shell that started it. No Node variables (a debugger or a CA bundle would slow
 * it down), of git's only the user's ssh (a hook's GIT_DIR would be the wrong one), no tokens, and of bd's
 * settings only the daemon's: others would apply to every later command.
 */
export const DAEMON_VARIABLES: VariableNames = {
  names: [
    'HOME',
    'PATH',
    'USER',
    'LOGNAME',
    'SHELL',
    'LANG',
    'TZ',
    'TMPDIR',
    'SSH_AUTH_SOCK',
    'SSH_AGENT_PID',
    'GIT_SSH',
    'GIT_SSH_COMMAND',
    'KRB5CCNAME',
    'GNUPGHOME',
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'ALL_PROXY',
    'NO_PROXY',
    'http_proxy',
    'https_proxy',
    'all_proxy',
    'no_proxy',
    'SYSTEMROOT',
    'APPDATA',
    'LOCALAPPDATA',
    'USERPROFILE',
    'PATHEXT',
    'COMSPEC',
    'BEADS_SOCKET_PATH',
    'BEADS_SYNC_INTERVAL',
  ],
  prefixes: ['LC_', 'XDG_', 'BD_DAEMON_'],
};

/** With a value that says so, a command starts no daemon. */
export const REFUSING_VARIABLES = ['BEADS_NO_DAEMON', 'CI', 'BEADS_AUTO_START_DAEMON'] as const;

const SETTING = /^(BD|BEADS)_.+$/;

/** These say where the workspace is, who acts and how to run; they are not settings of a workspace. */
const NO_SETTING = /^(BD|BEADS)_(ACTOR|DB|DIR|NO_DAEMON|AUTO_START_DAEMON)$/;

/** The same with and without a daemon, so that a command behaves the same. */
export function selectCommandEnvironment(env: Environment): Record<string, string> {
  return select(env, (name) => isAmong(name, COMMAND_VARIABLES));
}

/** The C library then gives large blocks back when they are freed; by itself it keeps what an import once took. */
export const ALLOCATOR_SETTINGS = {
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};

export function selectDaemonEnvironment(env: Environment): Record<string, string> {
  return select(env, (name) => isAmong(name, DAEMON_VARIABLES));
}

/** For a command that runs without a daemon: the shell's settings apply to it alone. */
export function selectDirectEnvironment(env: Environment): Record<string, string> {
  return select(
    env,
    (name) => isAmong(name, DAEMON_VARIABLES) || (SETTING.test(name) && !NO_SETTING.test(name)),
  );
}

/** The variable that turns daemons off, with its value. */
export function daemonRefusedBy(env: Environment): string | undefined {
  const [off, ci, autoStart] = REFUSING_VARIABLES;
  const name = [off, ci].find((each) => isTruthy(env[each]));
  if (name !== undefined) return `${name}=${env[name]}`;
  const start = env[autoStart] ?? '';
  return ['false', '0', 'no'].includes(start.toLowerCase()) ? `${autoStart}=${start}` : undefined;
}

export function readActor(env: Environment): string | undefined {
  return env['BD_ACTOR'] || env['BEADS_ACTOR'] || undefined;
}

/** Whether only `bd init` may create a workspace in a clone. */
export function refusesJoining(env: Environment): boolean {
  return isTruthy(env['BEADS_NO_AUTO_INIT']);
}

function isTruthy(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no'].includes(value.toLowerCase());
}

function isAmong(name: string, { names, prefixes }: VariableNames): boolean {
  const isLonger = (prefix: string): boolean => name.startsWith(prefix) && name !== prefix;
  return names.includes(name) || prefixes.some(isLonger);
}

function select(env: Environment, isWanted: (name: string) => boolean): Record<string, string> {
  const selected: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isWanted(name)) selected[name] = value;
  }
  return selected;
}
