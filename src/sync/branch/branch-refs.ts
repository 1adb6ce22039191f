import type { Git } from '../../git/git.ts';
import { classifyGitFailure } from '../../git/git-failure.ts';
import { gitError, gitOutput } from '../../git/git-output.ts';

/** None is under refs/heads: nobody can check them out, and `git branch` does not show them. */
const OURS = 'refs/bd/sync';
export const THEIRS = 'refs/bd/remote';
const LOST = 'refs/bd/lost';

/** Histories that somebody's force-push replaced: the newest are kept for people to look at. */
const LOST_KEPT = 10;

export interface BranchTips {
  /** The remote's branch, as it was fetched last. */
  theirs: string | undefined;
  /** Our last commit. */
  ours: string | undefined;
}

/** Our refs. They are read once: nobody else moves them but fetches, which tell. */
export interface BranchRefs {
  tips(): Promise<BranchTips>;
  /** Call when a ref may have moved. */
  forget(): void;
  /** Moves `refs/bd/sync` from `expected`; false when it was elsewhere. */
  moveOurs(commit: string, expected: string | undefined): Promise<boolean>;
  forgetTheirs(): Promise<void>;
  keepLost(commit: string): Promise<void>;
}

export function createBranchRefs(git: Git): BranchRefs {
  let known: BranchTips | undefined;
  return {
    async tips() {
      if (known !== undefined) return known;
      const refs = await readRefs(git, OURS, THEIRS);
      return (known = { theirs: refs.get(THEIRS), ours: refs.get(OURS) });
    },
    forget() {
      known = undefined;
    },
    async moveOurs(commit, expected) {
      const args = ['update-ref', OURS, commit, expected ?? '0'.repeat(commit.length)];
      const moved = await git.run(args);
      if (moved.exitCode === 0) {
        if (known !== undefined) known = { ...known, ours: commit };
        return true;
      }
      known = undefined;
      if (classifyGitFailure(moved.stderr).kind === 'race') return false;
      throw gitError(git, args, moved);
    },
    async forgetTheirs() {
      known = undefined;
      await gitOutput(git, ['update-ref', '-d', THEIRS]);
    },
    async keepLost(commit) {
      await gitOutput(git, ['update-ref', `${LOST}/${commit.slice(0, 12)}`, commit]);
      const newestFirst = ['for-each-ref', '--sort=-committerdate', '--format=%(refname)', LOST];
      const refs = (await gitOutput(git, newestFirst)).split('\n').filter(Boolean);
      for (const ref of refs.slice(LOST_KEPT)) await gitOutput(git, ['update-ref', '-d', ref]);
    },
  };
}

/** What the repository knows of the branch without asking anybody: ours, and what a clone brought along. */
export async function findKnownTip(git: Git, trackingRefs: string[]): Promise<string | undefined> {
  const known = [THEIRS, ...trackingRefs, OURS];
  const refs = await readRefs(git, ...known);
  return known.map((ref) => refs.get(ref)).find((oid) => oid !== undefined);
}

async function readRefs(git: Git, ...patterns: string[]): Promise<Map<string, string>> {
  const format = '--format=%(refname) %(objectname)';
  const listing = await gitOutput(git, ['for-each-ref', format, ...patterns]);
  const lines = listing.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}
