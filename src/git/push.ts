import { BdError } from '../core/errors.ts';
import type { Git, GitReachOptions, GitResult } from './git.ts';
import { classifyGitFailure, type GitFailure } from './git-failure.ts';

/**
 * Pushes one commit to one ref, never forced, whatever the repository's configuration would add; undefined
 * on success.
 */
export async function pushRef(
  git: Git,
  { remote, commit, ref }: { remote: string; commit: string; ref: string },
  options: GitReachOptions,
): Promise<GitFailure | undefined> {
  return push(git, { remote, refspec: `${commit}:${ref}` }, options);
}

/** Deletes a ref on a remote if it still is `tip` there; undefined on success. */
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
  // A push to a mirror remote would be refused for a single ref, or force all refs.
  const settings = ['-c', `remote.${remote}.mirror=false`];
  const args = [...settings, ...PUSH, ...conditions, '--', remote, refspec];
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
  const refused = stdout
    .toString()
    .split('\n')
    .find((line) => line.startsWith('!\t'));
  if (refused === undefined) return classifyGitFailure(stderr);
  const failure = classifyGitFailure(refused);
  const said = /^remote: (.*\S)/m.exec(stderr)?.[1];
  return said === undefined ? failure : { ...failure, reason: `${failure.reason}: ${said}` };
}
