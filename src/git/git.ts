import { BdError } from '../core/errors.ts';
import { GIT_KILL_GRACE_MS, GIT_LOCAL_TIMEOUT_MS, GIT_NETWORK_TIMEOUT_MS } from '../core/limits.ts';
import type { Environment } from '../platform/environment.ts';
import { classifyGitFailure, isDiskFull, MAKE_SPACE } from './git-failure.ts';
import { buildGitEnvironment, sshCommandIn } from './git-environment.ts';
import { runInGroup, type GitResult } from './process-group.ts';
import type { GitRepository } from './repository.ts';

interface GitRunOptions {
  input?: string | Uint8Array;
  /** Defaults to the deadline of a local call, or of one that talks to a remote. */
  timeoutMs?: number;
}

export interface GitReachOptions extends GitRunOptions {
  signal?: AbortSignal;
}

interface GitLocalOptions extends GitRunOptions {
  /** Instead of the user's index. */
  indexFile?: string;
  /** Allows this one call to name the program that git merges with; no input decides its arguments. */
  setsMergeDriver?: boolean;
}

/** One repository's git. A call throws when git is missing, late or stopped; a failure of git is a result. */
export interface Git {
  readonly gitDir: string;
  /** For plumbing that starts no other program. */
  run(args: readonly string[], options?: GitLocalOptions): Promise<GitResult>;
  /** For what may talk to a remote: git starts other programs for that, and all of them end with the call. */
  reach(args: readonly string[], options?: GitReachOptions): Promise<GitResult>;
}

/** A call of ours runs no hook, signs nothing, starts no maintenance and no program that a URL names. */
const CONFIG = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'commit.gpgSign=false',
  'push.gpgSign=false',
  'push.recurseSubmodules=no',
  'protocol.ext.allow=never',
  'protocol.version=2',
];

/** simple-git refuses these by default, as a caller may not be trusted; here they are what makes git safe. */
const ALLOWED = {
  allowUnsafeHooksPath: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeProtocolOverride: true,
  allowUnsafeAskPass: true,
  allowUnsafeSshCommand: true,
};

const ALLOWED_ENVIRONMENT = [
  'GIT_DIR',
  'GIT_INDEX_FILE',
  'GIT_TERMINAL_PROMPT',
  'GIT_OPTIONAL_LOCKS',
  'GIT_ASKPASS',
  'GIT_SSH_COMMAND',
];

/** `gitDir` is the common directory where worktrees share it; `env` is the user's environment. */
export function createGit({
  gitDir,
  directory = gitDir,
  env,
}: {
  gitDir: string;
  /** Where git runs: a remote's relative URL is resolved against the working tree. */
  directory?: string;
  env: Environment;
}): Git {
  // Read once, so that a fetch with no news costs one process; core.sshCommand hardly ever changes.
  let environment: Promise<Record<string, string>> | undefined;
  const prepare = async (): Promise<Record<string, string>> => {
    const plain = buildGitEnvironment(env, { gitDir });
    if (sshCommandIn(env) !== undefined) return plain;
    const { stdout } = await spawnGit(['config', '--get', 'core.sshCommand'], {
      directory,
      environment: plain,
    });
    const sshCommand = stdout.toString().trim() || quoted(env['GIT_SSH']);
    return sshCommand === undefined ? plain : buildGitEnvironment(env, { gitDir, sshCommand });
  };
  const start = async <T>(call: (place: Place) => Promise<T>): Promise<T> => {
    environment ??= prepare();
    try {
      return await call({ directory, environment: await environment });
    } catch (error) {
      environment = undefined;
      throw error;
    }
  };
  return {
    gitDir,
    run: (args, options) => start((place) => spawnGit(args, { ...place, ...options })),
    reach: (args, options) => start((place) => reachRemote(args, { ...place, ...options })),
  };
}

/** The git of one working tree, with its own HEAD and index. */
export function openWorktreeGit(repository: GitRepository, { env }: { env: Environment }): Git {
  return createGit({ gitDir: repository.gitDir, directory: repository.topLevel, env });
}

/** The git of the common directory, whose refs all worktrees share. */
export function openSharedGit(repository: GitRepository, { env }: { env: Environment }): Git {
  return createGit({ gitDir: repository.commonDir, directory: repository.topLevel, env });
}

/** What a call prints that is expected to succeed, without its last line end. */
export async function gitOutput(
  git: Git,
  args: readonly string[],
  options?: GitLocalOptions,
): Promise<string> {
  const result = await git.run(args, options);
  if (result.exitCode !== 0) throw gitError(git, args, result);
  return result.stdout.toString().replace(/\n$/, '');
}

/** Whether git answers yes. */
export async function gitSucceeds(git: Git, args: readonly string[]): Promise<boolean> {
  const { exitCode } = await git.run(args);
  return exitCode === 0;
}

/** The commit that a name leads to; undefined when there is none. */
export async function findCommit(git: Git, name: string): Promise<string | undefined> {
  const { exitCode, stdout } = await git.run([
    'rev-parse',
    '--verify',
    '--quiet',
    `${name}^{commit}`,
  ]);
  return exitCode === 0 ? stdout.toString().trim() : undefined;
}

/** Moves a ref; false when it was not at `from`. */
export async function moveRef(
  git: Git,
  { ref, from, to, log = [] }: { ref: string; from: string; to: string; log?: readonly string[] },
): Promise<boolean> {
  const args = ['update-ref', ...log, ref, to, from];
  const moved = await git.run(args);
  if (moved.exitCode === 0) return true;
  if (classifyGitFailure(moved.stderr).kind === 'race') return false;
  throw gitError(git, args, moved);
}

export function gitError(git: Git, args: readonly string[], result: GitResult): BdError {
  const { exitCode, stderr } = result;
  const reason = firstLine(stderr) || `exit code ${exitCode}`;
  return new BdError('SYNC_FAILED', {
    message: `git ${gitCommandName(args)} failed in ${git.gitDir}: ${reason}`,
    remedy: isDiskFull(stderr)
      ? MAKE_SPACE
      : 'Check that the repository is writable and sound (`git fsck`), then run `bd sync`.',
    details: { stderr },
  });
}

/** What `git config -z` lists. */
export function parseSettings(listing: Buffer): { key: string; value: string }[] {
  const entries = listing.toString().split('\0').filter(Boolean);
  return entries.map((entry) => {
    const [key = '', ...value] = entry.split('\n');
    return { key, value: value.join('\n') };
  });
}

/** The name of the branch that is checked out; undefined while HEAD is detached. */
export async function currentBranch(git: Git): Promise<string | undefined> {
  const { stdout } = await git.run(['symbolic-ref', '--quiet', 'HEAD']);
  return /^refs\/heads\/(.+)$/.exec(stdout.toString().trim())?.[1];
}

interface Place {
  directory: string;
  environment: Record<string, string>;
}

async function reachRemote(
  args: readonly string[],
  { timeoutMs = GIT_NETWORK_TIMEOUT_MS, ...options }: Place & GitReachOptions,
): Promise<GitResult> {
  const settings = CONFIG.flatMap((setting) => ['-c', setting]);
  const end = await runInGroup([...settings, ...args], { ...options, timeoutMs });
  if (end === 'late') throw late(args, timeoutMs);
  if (end === 'aborted') throw aborted(args);
  if ('missing' in end) throw missing(end.missing);
  return end;
}

/** One simple-git instance for each child, as an instance has one abort signal. */
async function spawnGit(
  args: readonly string[],
  {
    directory,
    environment,
    input,
    timeoutMs = GIT_LOCAL_TIMEOUT_MS,
    indexFile,
    setsMergeDriver = false,
  }: Place & GitLocalOptions,
): Promise<GitResult> {
  const { simpleGit } = await import('simple-git');
  const stop = new AbortController();
  const deadline = startDeadline(stop, timeoutMs);
  let ended: { stdOut: Buffer[]; stdErr: Buffer[]; exitCode: number } | undefined;
  try {
    const git = simpleGit({
      baseDir: directory,
      config: CONFIG,
      unsafe: { ...ALLOWED, allowUnsafeMergeDriver: setsMergeDriver },
      allowEnvironment: ALLOWED_ENVIRONMENT,
      completion: { onClose: true, onExit: false },
      abort: stop.signal,
      // Never absent: without input simple-git leaves stdin open, and a git that reads it would wait.
      input: () => Buffer.from(input ?? ''),
      errors(_error, result) {
        ended = result;
        return undefined;
      },
    })
      .env(indexFile === undefined ? environment : { ...environment, GIT_INDEX_FILE: indexFile })
      .outputHandler(endWithoutPause);
    await Promise.race([git.raw([...args]), deadline.passed]);
  } catch (error) {
    if (!stop.signal.aborted) throw unusable(args, { message: String(error), cause: error });
  } finally {
    deadline.clear();
  }
  if (stop.signal.aborted) throw late(args, timeoutMs);
  if (ended === undefined) throw unusable(args, { message: 'it ended without a result' });
  const stderr = Buffer.concat(ended.stdErr).toString();
  if (ended.exitCode < 0) throw missing(stderr);
  return { exitCode: ended.exitCode, stdout: Buffer.concat(ended.stdOut), stderr };
}

/**
 * simple-git waits 50 ms after the end of a child without output, in case some comes late; after `close`
 * none does. An empty chunk spares silent commands that wait.
 */
function endWithoutPause(_command: string, stdout: NodeJS.ReadableStream): void {
  process.nextTick(() => stdout.emit('data', Buffer.alloc(0)));
}

/** Stops the child at the deadline, and ends the call a little later even if the child does not stop. */
function startDeadline(stop: AbortController, timeoutMs: number) {
  let late: NodeJS.Timeout | undefined;
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  const passed = new Promise<never>((_resolve, reject) => {
    stop.signal.addEventListener('abort', () => {
      late = setTimeout(() => reject(new Error('git did not stop')), GIT_KILL_GRACE_MS);
    });
  });
  return {
    passed,
    clear(): void {
      clearTimeout(timer);
      clearTimeout(late);
    },
  };
}

function late(args: readonly string[], timeoutMs: number): BdError {
  return new BdError('GIT_TIMED_OUT', {
    message: `git ${gitCommandName(args)} did not end within ${timeoutMs / 1000} s`,
    remedy: 'Check the connection to the remote, then run `bd sync`.',
  });
}

function aborted(args: readonly string[]): BdError {
  return new BdError('SYNC_FAILED', {
    message: `git ${gitCommandName(args)} was stopped`,
    remedy: 'Run `bd sync` to do it again.',
  });
}

function missing(stderr: string): BdError {
  return new BdError('SYNC_FAILED', {
    message: `git cannot be started: ${firstLine(stderr)}`,
    remedy: 'Install git, or make sure that PATH leads to it.',
  });
}

function unusable(
  args: readonly string[],
  { message, cause }: { message: string; cause?: unknown },
): BdError {
  return new BdError('SYNC_FAILED', {
    message: `git ${gitCommandName(args)} failed: ${message}`,
    remedy: 'Run `git status` in the project and do what it says, then run `bd sync`.',
    cause,
  });
}

/** The subcommand, past `-c key=value`. */
function gitCommandName(args: readonly string[]): string {
  return args.find((arg, at) => arg !== '-c' && args[at - 1] !== '-c') ?? '';
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}

function quoted(program: string | undefined): string | undefined {
  return program === undefined || program === '' ? undefined : `"${program}"`;
}
