import type { Git, GitReachOptions } from '../../git/git.ts';
import { THEIRS } from './branch-refs.ts';
import { classifyGitFailure, type GitFailure } from '../../git/git-failure.ts';
import { pushRef, reachRemote } from '../../git/push.ts';

/** The branch everybody shares, unless the settings name another. */
export const SYNC_BRANCH = 'beads-sync';

/** Where a remote whose rules allow no new branch gets it instead; looked for beside the branch. */
const OUTSIDE_BRANCHES = 'refs/beads/sync';

export type Fetched =
  /** `from` is the remote and the branch's name, `ref` where it is there; `forced`: its history was replaced. */
  | { kind: 'changed'; from: string; ref: string; forced: boolean }
  | { kind: 'unchanged'; from: string; ref: string }
  /** The remote answered, and has no such branch. */
  | { kind: 'absent'; from: string }
  | GitFailure;

export type Pushed = { kind: 'pushed'; from: string } | GitFailure;

/** The branch on a remote. */
export interface BranchRemote {
  /** Brings it to `refs/bd/remote`, which is left alone where the remote has no branch. */
  fetch(remote: string, options?: GitReachOptions): Promise<Fetched>;
  /** Whether it has the branch, and can be reached; throws when it stays silent. */
  hasBranch(remote: string, options?: GitReachOptions): Promise<boolean>;
  /** Sends one commit to one ref, and never by force: whoever comes second is refused. */
  push(
    remote: string,
    commit: string,
    options: GitReachOptions & { theirs: string | undefined },
  ): Promise<Pushed>;
}

export function createBranchRemote(git: Git, branchName: () => string): BranchRemote {
  /** The branch always comes first: where it is, nobody looks further. */
  const places = (): string[] => {
    const branch = `refs/heads/${branchName()}`;
    return branchName() === SYNC_BRANCH ? [branch, OUTSIDE_BRANCHES] : [branch];
  };
  /** Where it was found or put last. */
  let found: string | undefined;

  const fromOf = (remote: string): string => `${remote} ${branchName()}`;

  return {
    async fetch(remote, options = {}) {
      for (const ref of places()) {
        const refspec = `+${ref}:${THEIRS}`;
        const result = await reachRemote(git, [...FETCH, '--', remote, refspec], options);
        if (result.exitCode === 0) {
          found = ref;
          return { ...whatMoved(result.stderr), from: fromOf(remote), ref };
        }
        if (!/couldn't find remote ref/i.test(result.stderr)) {
          return classifyGitFailure(result.stderr);
        }
      }
      found = undefined;
      return { kind: 'absent', from: fromOf(remote) };
    },
    async hasBranch(remote, options = {}) {
      const asked = ['ls-remote', '--', remote, ...places()];
      const { exitCode, stdout } = await git.reach(asked, options);
      return exitCode === 0 && stdout.length > 0;
    },
    async push(remote, commit, { theirs, ...options }) {
      const [branch = '', ...others] = places();
      const ref = theirs === undefined ? branch : (found ?? branch);
      const failure = await pushRef(git, { remote, commit, ref }, options);
      if (failure === undefined) return { kind: 'pushed', from: fromOf(remote) };
      // Who may not make a branch may still make a ref beside the branches.
      if (failure.kind !== 'rejected' || theirs !== undefined) return failure;
      for (const other of others) {
        if ((await pushRef(git, { remote, commit, ref: other }, options)) !== undefined) continue;
        return { kind: 'pushed', from: fromOf(remote) };
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

/** git-fetch(1), OUTPUT: `<flag> <summary> <from> -> <to>`, and nothing for a ref that is up to date. */
function whatMoved(stderr: string): { kind: 'unchanged' } | { kind: 'changed'; forced: boolean } {
  const moved = stderr.split('\n').find((line) => line.includes(`-> ${THEIRS}`));
  if (moved === undefined) return { kind: 'unchanged' };
  return { kind: 'changed', forced: moved.startsWith(' +') };
}
