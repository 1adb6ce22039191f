import { BdError } from '../core/errors.ts';
import type { Git, GitReachOptions, GitResult } from './git.ts';
import { classifyGitFailure, type GitFailure } from './git-failure.ts';

/**
 * Sends one commit to one ref, plain and never forced, whatever the repository's configuration would
 * add to it; undefined when the remote has it.
 */
export async function pushRef(
  git: Git,
  { remote, commit, ref }: { remote: string; commit: string; ref: string },
  options: GitReachOptions,
): Promise<GitFailure | undefined> {
  return push(git, { remote, refspec: `${commit}:${ref}` }, options);
}

/** Removes a ref from a remote, if it still is `tip` there; undefined when it is gone. */
export async function deleteRef(
  git: Git,
  { remote, ref, tip }: { remote: string; ref: string; tip: string },
  options: GitReachOptions = {},
): Promise<GitFailure | undefined> {
  return push(
    git,
    { remote, refspec: `:${ref}`, conditions: [`--force-with-lease=${ref}:${tip}`] },
    options,
  );
}

async function push(
  git: Git,
  {
    remote,
    refspec,
    conditions = [],
  }: { remote: string; refspec: string; conditions?: readonly string[] },
  options: GitReachOptions,
): Promise<GitFailure | undefined> {
  // A mirror remote would refuse a single ref, or be sent all of them by force.
  const settings = ['-c', `remote.${remote}.mirror=false`];
  const args = [...settings, ...PUSH, ...conditions, '--', remote, refspec];
  const result = await reachRemote(git, args, options);
  return result.exitCode === 0 ? undefined : classifyPushFailure(result);
}

const PUSH = ['push', '--porcelain', '--no-verify', '--no-follow-tags', '--no-signed'];

/** A call that was too late is an answer too: the remote is out of reach. */
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

/** The line about our ref decides; only a push that came to no ref is judged by what else git said. */
function classifyPushFailure({ stdout, stderr }: GitResult): GitFailure {
  const refused = stdout
    .toString()
    .split('\n')
    .find((line) => line.startsWith('!\t'));
  if (refused === undefined) return classifyGitFailure(stderr);
  const failure = classifyGitFailure(refused);
  const said = /^remote: (.*\S)/m.exec(stderr)?.[1];
  return said === undefined ? failure : { ...failure, reason: `${failure.reason}: ${said}` };
}
