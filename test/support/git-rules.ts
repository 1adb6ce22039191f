import { basename } from 'node:path';
import type { GitCall } from './git-recorder.ts';

/** All that bd may ask of git: what only reads, what makes objects, and what the rules below look at. */
const COMMANDS = new Set([
  '--version',
  'cat-file',
  'check-attr',
  'commit-tree',
  'config',
  'diff-tree',
  'fetch',
  'for-each-ref',
  'hash-object',
  'ls-files',
  'ls-remote',
  'ls-tree',
  'merge-base',
  'mktree',
  'pack-objects',
  'prune-packed',
  'push',
  'remote',
  'rev-list',
  'rev-parse',
  'symbolic-ref',
  'update-index',
  'update-ref',
]);

/** These read or write an index, which has to be one of bd's own. */
const WITH_INDEX = new Set(['ls-files', 'update-index']);

/** What these start (ssh, a credential helper) has to end with them. */
const NETWORK = new Set(['fetch', 'ls-remote', 'push']);

/** Nothing of the person's runs, signs, watches or tidies up on our behalf. */
const CONFIG = {
  'core.hookspath': '/dev/null',
  'core.fsmonitor': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'commit.gpgsign': 'false',
  'push.gpgsign': 'false',
  'push.recursesubmodules': 'no',
  'protocol.ext.allow': 'never',
};

/** Nothing can ask, no lock is taken in passing, and git's words are the ones that we know. */
const ENVIRONMENT = {
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  GIT_ASKPASS: '',
  SSH_ASKPASS_REQUIRE: 'never',
  GCM_INTERACTIVE: 'never',
  LC_ALL: 'C',
};

/** The last is simple-git's: no option may be abbreviated, so none can slip past what it looks for. */
const OUR_VARIABLES = new Set([
  ...Object.keys(ENVIRONMENT),
  'GIT_DIR',
  'GIT_INDEX_FILE',
  'GIT_SSH_COMMAND',
  'GIT_TEST_DISALLOW_ABBREVIATED_OPTIONS',
]);

/** What would let git ask a person, or page what we read. */
const INTERACTIVE = ['EDITOR', 'VISUAL', 'PAGER', 'SSH_ASKPASS'];

const OID = '[0-9a-f]{40}(?:[0-9a-f]{24})?';
const PUSHED = new RegExp(`^${OID}:refs/(?:heads|beads)/[^:*]+$`);
const OUR_REF = /^refs\/bd\/[^:*]+$/;

/** What the call does that no git call of bd may do; none for one that is in order. */
export function brokenRules(call: GitCall): string[] {
  const { config, command, args } = splitArguments(call.args);
  return [
    ...wrongEnvironment(call.env),
    ...wrongConfig(config),
    ...(COMMANDS.has(command) ? [] : [`runs git ${command}`]),
    ...wrongArguments(command, args),
    ...wrongIndex(command, call.env.get('GIT_INDEX_FILE')),
    ...(NETWORK.has(command) && call.leadsGroup === false
      ? ['talks to a remote outside of a process group of its own']
      : []),
  ];
}

function splitArguments(all: readonly string[]): {
  config: Map<string, string>;
  command: string;
  args: string[];
} {
  const config = new Map<string, string>();
  let at = 0;
  for (; all[at] === '-c'; at += 2) {
    const [key = '', ...value] = (all[at + 1] ?? '').split('=');
    config.set(key.toLowerCase(), value.join('='));
  }
  return { config, command: all[at] ?? '', args: all.slice(at + 1) };
}

function wrongEnvironment(env: ReadonlyMap<string, string>): string[] {
  const missing = Object.entries(ENVIRONMENT).filter(([name, value]) => env.get(name) !== value);
  const inherited = [...env.keys()].filter(
    (name) => (/^GIT_/i.test(name) && !OUR_VARIABLES.has(name)) || INTERACTIVE.includes(name),
  );
  const ssh = env.get('GIT_SSH_COMMAND') ?? '';
  const isOpenSsh = /^(?:\S*\/)?ssh(?:\s|$)/.test(ssh);
  return [
    ...missing.map(([name, value]) => `has ${name}=${env.get(name)}, not ${JSON.stringify(value)}`),
    ...inherited.map((name) => `was handed on ${name}`),
    ...(ssh === '' ? ['has no GIT_SSH_COMMAND'] : []),
    ...(isOpenSsh && !ssh.includes('BatchMode=yes') ? [`lets ssh ask: ${ssh}`] : []),
  ];
}

/** The person's is called `index`; a call that names no other one would use it. */
function wrongIndex(command: string, path: string | undefined): string[] {
  const isPersonal = path === undefined ? WITH_INDEX.has(command) : basename(path) === 'index';
  return isPersonal ? ["uses the person's index"] : [];
}

function wrongConfig(config: ReadonlyMap<string, string>): string[] {
  return Object.entries(CONFIG)
    .filter(([key, value]) => config.get(key) !== value)
    .map(([key, value]) => `has ${key}=${config.get(key)}, not ${value}`);
}

function wrongArguments(command: string, args: readonly string[]): string[] {
  const plain = args.filter((arg) => !arg.startsWith('-'));
  switch (command) {
    case 'push':
      return wrongPush(args);
    case 'fetch':
      return wrongFetch(args);
    case 'update-ref':
      return wrongMove(args);
    case 'symbolic-ref':
      return plain.length === 1 && !args.includes('-d') ? [] : ['writes a symbolic ref'];
    case 'remote':
      return plain.length === 0 ? [] : ['changes the remotes'];
    case 'config':
      return wrongSetting(args);
    default:
      return [];
  }
}

/** Refs of bd's own; mode checked-out moves the branch too, from the commit that it knows, and says so. */
function wrongMove(args: readonly string[]): string[] {
  const [flag, reason, branch = '', ...commits] = args;
  const isAutoSync = flag === '-m' && reason === 'bd: auto-sync';
  if (isAutoSync && branch.startsWith('refs/heads/') && commits.length === 2) return [];
  const ref = args.find((arg) => !arg.startsWith('-')) ?? '';
  return OUR_REF.test(ref) ? [] : [`moves ${ref}`];
}

/** One ref that is named in full, of a commit that is named in full, and never by force. */
function wrongPush(args: readonly string[]): string[] {
  const { flags, rest } = splitOperands(args);
  const [, ...refspecs] = rest;
  if (isDeletion(flags, refspecs)) return [];
  const forced = flags.filter((flag) =>
    /^(?:-[fd]|--(?:force|all|mirror|tags|delete|prune|follow-tags))/.test(flag),
  );
  const isOne = refspecs.length === 1 && PUSHED.test(refspecs[0] ?? '');
  return [
    ...forced.map((flag) => `pushes with ${flag}`),
    ...(isOne ? [] : [`pushes ${refspecs.join(' ') || 'what the settings say'}`]),
    ...(flags.includes('--no-verify') ? [] : ['pushes with hooks']),
  ];
}

/** `bd uninstall --purge-remote` deletes the branch if it is still at the commit that was looked at. */
function isDeletion(flags: readonly string[], refspecs: readonly string[]): boolean {
  const lease = flags.find((flag) => flag.startsWith('--force'));
  const [ref, oid] = lease?.replace('--force-with-lease=', '').split(':') ?? [];
  return (
    ref !== undefined &&
    /^refs\/(?:heads\/beads-sync|beads\/sync)$/.test(ref) &&
    new RegExp(`^${OID}$`).test(oid ?? '') &&
    refspecs.join() === `:${ref}`
  );
}

/** One ref, into ours; FETCH_HEAD, tags, the depth and the submodules stay the person's. */
function wrongFetch(args: readonly string[]): string[] {
  const { flags, rest } = splitOperands(args);
  const [, ...refspecs] = rest;
  const needed = [
    '--no-tags',
    '--no-write-fetch-head',
    '--no-recurse-submodules',
    '--no-auto-maintenance',
    '--refmap=',
  ];
  const forbidden = /^--(?:depth|deepen|shallow|unshallow|filter|prune|tags|all|update-head-ok)/;
  const destination = refspecs[0]?.split(':')[1] ?? '';
  const isOne = refspecs.length === 1 && OUR_REF.test(destination);
  return [
    ...needed.filter((flag) => !flags.includes(flag)).map((flag) => `fetches without ${flag}`),
    ...flags.filter((flag) => forbidden.test(flag)).map((flag) => `fetches with ${flag}`),
    ...(isOne ? [] : [`fetches ${refspecs.join(' ') || 'what the settings say'}`]),
  ];
}

/** Reading is free; `bd init` writes the merge driver, and nothing else is ever written. */
function wrongSetting(args: readonly string[]): string[] {
  const reads = args.some((arg) => /^--(?:get|get-all|get-regexp|list)$/.test(arg));
  const key = args.find((arg) => !arg.startsWith('-')) ?? '';
  const isOurs = /^merge\.beads(?:\.|$)/.test(key);
  return reads || isOurs ? [] : [`writes the setting ${key}`];
}

function splitOperands(args: readonly string[]): { flags: string[]; rest: string[] } {
  const end = args.indexOf('--');
  if (end >= 0) return { flags: args.slice(0, end), rest: args.slice(end + 1) };
  const isFlag = (arg: string): boolean => arg.startsWith('-');
  return { flags: args.filter(isFlag), rest: args.filter((arg) => !isFlag(arg)) };
}
