import { BdError } from '../core/errors.ts';
import type { Git, GitReachOptions, GitResult } from '../platform/git-command.ts';
import { THEIRS } from './branch-refs.ts';
import { classifyGitFailure, type GitFailure } from './git-failure.ts';

/** The branch everybody shares, unless the settings name another. */
export const SYNC_BRANCH = 'beads-sync';

/** Where a remote whose rules allow no new branch gets it instead; looked for beside the branch. */
const OUTSIDE_BRANCHES = 'refs/beads/sync';

export type Fetched =
  /** `from` says which ref of which remote; `forced` that its history was replaced. */
  | { kind: 'changed'; from: string; forced: boolean }
  | { kind: 'unchanged'; from: string }
  /** The remote answered, and has no such branch. */
  | { kind: 'absent'; from: string }
  | GitFailure;

export type Pushed = { kind: 'pushed'; from: string } | GitFailure;

/** The branch on a remote. */
export interface BranchRemote {
  /** Brings it to `refs/bd/remote`, which is left alone where the remote has no branch. */
  fetch(remote: string, options?: GitReachOptions): Promise<Fetched>;
  /** Sends one commit to one ref, and never by force: whoever comes second is refused. */
  push(
    remote: string,
    commit: string,
    options: GitReachOptions & { theirs: string | undefined },
  ): Promise<Pushed>;
}

export function createBranchRemote(git: Git, branchName: () => string): BranchRemote {
  /** Where it was found or put last; the branch comes first. */
  let found: { branch: string; ref: string } | undefined;
  const places = (): string[] => {
    const branch = `refs/heads/${branchName()}`;
    const all = branchName() === SYNC_BRANCH ? [branch, OUTSIDE_BRANCHES] : [branch];
    const first = found?.branch === branch ? found.ref : branch;
    return [first, ...all.filter((ref) => ref !== first)];
  };
  const settle = (ref: string): void => {
    found = { branch: `refs/heads/${branchName()}`, ref };
  };

  const pushTo = async (
    remote: string,
    refspec: string,
    options: GitReachOptions,
  ): Promise<GitFailure | undefined> => {
    // A mirror remote would refuse a single ref, or be sent all of them by force.
    const settings = ['-c', `remote.${remote}.mirror=false`];
    const result = await reach(git, [...settings, ...PUSH, '--', remote, refspec], options);
    return result.exitCode === 0 ? undefined : classifyPushFailure(result);
  };

  return {
    async fetch(remote, options = {}) {
      const [first = ''] = places();
      for (const ref of places()) {
        const result = await reach(git, [...FETCH, '--', remote, `+${ref}:${THEIRS}`], options);
        if (result.exitCode === 0) {
          settle(ref);
          return { ...whatMoved(result.stderr), from: `${remote} ${ref}` };
        }
        if (!/couldn't find remote ref/i.test(result.stderr)) {
          return classifyGitFailure(result.stderr);
        }
      }
      return { kind: 'absent', from: `${remote} ${first}` };
    },
    async push(remote, commit, { theirs, ...options }) {
      const [ref = ''] = places();
      const failure = await pushTo(remote, `${commit}:${ref}`, options);
      if (failure === undefined) return { kind: 'pushed', from: `${remote} ${ref}` };
      // Who may not make a branch may still make a ref beside the branches.
      if (failure.kind !== 'rejected' || theirs !== undefined) return failure;
      for (const other of places().slice(1)) {
        if ((await pushTo(remote, `${commit}:${other}`, options)) !== undefined) continue;
        settle(other);
        return { kind: 'pushed', from: `${remote} ${other}` };
      }
      return failure;
    },
  };
}

/** Exactly one ref, whatever the repository's configuration would add to it. */
const FETCH = [
  'fetch',
  '--refmap=',
  '--no-tags',
  '--no-prune',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
  '--show-forced-updates',
];

const PUSH = ['push', '--porcelain', '--no-verify', '--no-follow-tags', '--no-signed'];

/** git-fetch(1), OUTPUT: `<flag> <summary> <from> -> <to>`, and nothing for a ref that is up to date. */
function whatMoved(stderr: string): { kind: 'unchanged' } | { kind: 'changed'; forced: boolean } {
  const moved = stderr.split('\n').find((line) => line.includes(`-> ${THEIRS}`));
  if (moved === undefined) return { kind: 'unchanged' };
  return { kind: 'changed', forced: moved.startsWith(' +') };
}

/** A call that was too late is an answer too: the remote is out of reach. */
async function reach(
  git: Git,
  args: readonly string[],
  options: GitReachOptions,
): Promise<GitResult> {
  try {
    return await git.reach(args, options);
  } catch (error) {
    if (!(error instanceof BdError && error.details['timeout'] === true)) throw error;
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
