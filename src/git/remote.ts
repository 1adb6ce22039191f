import { BdError } from '../core/errors.ts';
import { currentBranch, type Git, type GitReachOptions, parseSettings } from './git.ts';
import type { GitResult } from './process-group.ts';
import { classifyGitFailure, type GitFailure } from './git-failure.ts';

/**
 * The remote that the repository suggests: the one that the current branch follows, else `origin`, else
 * the only one. Undefined when there are several and nothing prefers one: the user has to name it.
 */
export async function findRemote(git: Git): Promise<string | undefined> {
  const pattern = '^(remote\\..*\\.(url|pushurl)|branch\\..*\\.remote)$';
  const [config, branch] = await Promise.all([
    git.run(['config', '-z', '--get-regexp', pattern]),
    currentBranch(git),
  ]);
  const remotes = new Set<string>();
  const followed = new Map<string, string>();
  for (const { key, value } of parseSettings(config.stdout)) {
    const remote = /^remote\.(.*)\.(?:url|pushurl)$/.exec(key)?.[1];
    const follower = /^branch\.(.*)\.remote$/.exec(key)?.[1];
    if (remote !== undefined) remotes.add(remote);
    if (follower !== undefined) followed.set(follower, value);
  }
  const upstream = branch === undefined ? undefined : followed.get(branch);
  if (upstream !== undefined && remotes.has(upstream)) return upstream;
  if (remotes.has('origin')) return 'origin';
  const [only] = remotes;
  return remotes.size === 1 ? only : undefined;
}

/**
 * `name`, if git has a remote of that name. The setting comes with a clone: a URL or path in it would let
 * a stranger choose where git connects to, and which program answers there.
 */
export async function checkedRemote(git: Git, name: string): Promise<string> {
  const { stdout } = await git.run(['remote']);
  const remotes = stdout.toString().split('\n').filter(Boolean);
  if (remotes.includes(name)) return name;
  throw new BdError('SYNC_BLOCKED', {
    message: `sync.remote is ${JSON.stringify(name)}, and this repository has no remote of that name`,
    remedy: `Set it to one of: ${remotes.join(', ') || '(there is none)'}; or \`bd config unset sync.remote\`.`,
  });
}

/** What to push to one ref of a remote. */
interface Push {
  remote: string;
  ref: string;
  /** None deletes the ref. */
  commit?: string;
  /** Refused unless the ref is at this commit. */
  expected?: string;
}

/** Never forced, whatever the repository's configuration would add; undefined on success. */
export async function pushRef(
  git: Git,
  { remote, ref, commit = '', expected }: Push,
  options: GitReachOptions = {},
): Promise<GitFailure | undefined> {
  // A push to a mirror remote would be refused for a single ref, or force all refs.
  const settings = ['-c', `remote.${remote}.mirror=false`];
  const lease = expected === undefined ? [] : [`--force-with-lease=${ref}:${expected}`];
  const args = [...settings, ...PUSH, ...lease, '--', remote, `${commit}:${ref}`];
  const result = await reachRemote(git, args, options);
  return result.exitCode === 0 ? undefined : classifyPushFailure(result);
}

const PUSH = ['push', '--porcelain', '--no-verify', '--no-follow-tags', '--no-signed'];

/** A timeout is a result too: the remote cannot be reached. */
export async function reachRemote(
  git: Git,
  args: readonly string[],
  options: GitReachOptions,
): Promise<GitResult> {
  try {
    return await git.reach(args, options);
  } catch (error) {
    if (!(error instanceof BdError && error.code === 'GIT_TIMED_OUT')) throw error;
    return { exitCode: 1, stdout: Buffer.alloc(0), stderr: `timed out: ${error.message}` };
  }
}

/** The line about our ref decides; without one, git did not get that far, and its stderr decides. */
function classifyPushFailure({ stdout, stderr }: GitResult): GitFailure {
  const [refused] = /^!\t.*/m.exec(stdout.toString()) ?? [];
  if (refused === undefined) return classifyGitFailure(stderr);
  const failure = classifyGitFailure(refused);
  const said = /^remote: (.*\S)/m.exec(stderr)?.[1];
  return said === undefined ? failure : { ...failure, reason: `${failure.reason}: ${said}` };
}
