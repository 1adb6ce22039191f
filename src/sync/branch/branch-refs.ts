import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDirectory, readTextIfReachable } from '../../platform/safe-stat.ts';
import { type Git, gitOutput, moveRef } from '../../git/git.ts';
import { moveRefFile, readRefFile } from '../../git/ref-file.ts';

/** None is under refs/heads, so `git branch` does not list them, and a checkout by mistake is unlikely. */
const OURS = 'refs/bd/sync';
export const THEIRS = 'refs/bd/remote';
const LOST = 'refs/bd/lost';

/** How many histories that a force-push replaced are kept. */
const LOST_KEPT = 10;

interface BranchTips {
  /** The remote's branch at the last fetch. */
  theirs: string | undefined;
  /** Our last commit. */
  ours: string | undefined;
}

/** Our refs: read once, as only this process moves them, and each fetch says what it moved. */
export type BranchRefs = ReturnType<typeof createBranchRefs>;

export function createBranchRefs(git: Git) {
  let known: BranchTips | undefined;
  return {
    async tips(): Promise<BranchTips> {
      if (known !== undefined) return known;
      const [ours, theirs] = [OURS, THEIRS].map((ref) => readRefFile(git.gitDir, ref));
      if (ours !== undefined && theirs !== undefined) return (known = { theirs, ours });
      const refs = await readRefs(git, OURS, THEIRS);
      return (known = { theirs: refs.get(THEIRS), ours: refs.get(OURS) });
    },
    /** Call when a ref may have moved. */
    forget(): void {
      known = undefined;
    },
    /** Moves `refs/bd/sync` from `expected`; false when it was elsewhere. */
    async moveOurs(commit: string, expected: string | undefined): Promise<boolean> {
      const before = known;
      known = undefined;
      const from = expected ?? '0'.repeat(commit.length);
      const move = { ref: OURS, from, to: commit };
      const isMoved = (await moveRefFile(git.gitDir, move)) ?? (await moveRef(git, move));
      if (isMoved && before !== undefined) known = { ...before, ours: commit };
      return isMoved;
    },
    async forgetTheirs(): Promise<void> {
      known = undefined;
      await gitOutput(git, ['update-ref', '-d', THEIRS]);
    },
    /** Keeps a history that a force-push replaced, where people can find it. */
    async keepLost(commit: string): Promise<void> {
      await gitOutput(git, ['update-ref', `${LOST}/${commit.slice(0, 12)}`, commit]);
      const newestFirst = ['for-each-ref', '--sort=-committerdate', '--format=%(refname)', LOST];
      const refs = (await gitOutput(git, newestFirst)).split('\n').filter(Boolean);
      for (const ref of refs.slice(LOST_KEPT)) await gitOutput(git, ['update-ref', '-d', ref]);
    },
  };
}

/** The branch as the repository has it, without asking the remote: ours, or what `git clone` fetched. */
export async function findKnownTip(git: Git, trackingRefs: string[]): Promise<string | undefined> {
  const known = [THEIRS, ...trackingRefs, OURS];
  const refs = await readRefs(git, ...known);
  return known.map((ref) => refs.get(ref)).find((oid) => oid !== undefined);
}

/**
 * The tips that a store without memory has to take in; `theirs` may be what the user's own clone or fetch
 * brought. Nearly every workspace without memory has none, so the files are looked at before git is run.
 */
export async function findHeldTips(git: Git, branchName: string): Promise<BranchTips> {
  if (!mayHoldRefs(git.gitDir, branchName)) return { ours: undefined, theirs: undefined };
  const refs = await readRefs(git, OURS, THEIRS, `refs/remotes/*/${branchName}`);
  const theirs = [...refs].find(([name]) => name !== OURS)?.[1];
  return { ours: refs.get(OURS), theirs: refs.get(THEIRS) ?? theirs };
}

function mayHoldRefs(gitDir: string, branchName: string): boolean {
  // The refs of a repository with reftables are no files of their own.
  if (existsSync(join(gitDir, 'reftable'))) return true;
  if (existsSync(join(gitDir, OURS)) || existsSync(join(gitDir, THEIRS))) return true;
  const packed = readTextIfReachable(join(gitDir, 'packed-refs')) ?? '';
  if ([OURS, THEIRS, `/${branchName}`].some((name) => packed.includes(`${name}\n`))) return true;
  const remotes = join(gitDir, 'refs', 'remotes');
  if (!isDirectory(remotes)) return false;
  return readdirSync(remotes).some((name) => existsSync(join(remotes, name, branchName)));
}

async function readRefs(git: Git, ...patterns: string[]): Promise<Map<string, string>> {
  const format = '--format=%(refname) %(objectname)';
  const listing = await gitOutput(git, ['for-each-ref', format, ...patterns]);
  const lines = listing.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}
