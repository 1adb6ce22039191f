import { type Git, gitOutput } from '../../git/git.ts';
import { SEAL } from '../branch/branch-snapshot.ts';
import { diverged, noUpstream, waitsForPush, type Obstacle } from './checked-out-obstacle.ts';
import { findInCommit } from '../../git/tree.ts';

/** How the branch that is checked out compares with the remote's branch of that name, as last fetched. */
export type UpstreamComparison =
  /** The remote shows the file as `commit` does. */
  | { kind: 'shared'; remote: string }
  /** Only commits of bd are missing on the remote. */
  | { kind: 'ours'; remote: string }
  | { kind: 'waits'; remote: string | undefined; obstacle: Obstacle };

/** Uses what was fetched last, and never asks the remote. */
export async function compareWithUpstream(
  git: Git,
  { branch, commit, path }: { branch: string; commit: string; path: string },
): Promise<UpstreamComparison> {
  const upstream = await findUpstream(git, branch);
  if (upstream === undefined) {
    return { kind: 'waits', remote: undefined, obstacle: noUpstream(branch) };
  }
  const { remote, tip } = upstream;
  const [theirs, ours] = await Promise.all([
    findInCommit(git, tip, path),
    findInCommit(git, commit, path),
  ]);
  if (theirs?.oid === ours?.oid) return { kind: 'shared', remote };
  const ancestry = await git.run(['merge-base', '--is-ancestor', tip, commit]);
  if (ancestry.exitCode !== 0) {
    return { kind: 'waits', remote, obstacle: diverged(branch, remote) };
  }
  const count = await countOthers(git, { range: `${tip}..${commit}`, path });
  if (count === 0) return { kind: 'ours', remote };
  return { kind: 'waits', remote, obstacle: waitsForPush(branch, remote, count) };
}

/** Undefined for a branch that follows one of another name, such as `main`: only the user pushes that. */
async function findUpstream(
  git: Git,
  branch: string,
): Promise<{ remote: string; tip: string } | undefined> {
  const format = '--format=%(upstream)%00%(upstream:remotename)%00%(upstream:remoteref)';
  const listing = await gitOutput(git, ['for-each-ref', format, `refs/heads/${branch}`]);
  const [tracking = '', remote = '', theirs = ''] = listing.split('\0');
  if (!tracking.startsWith('refs/remotes/') || theirs !== `refs/heads/${branch}`) return undefined;
  const tip = await git.run(['rev-parse', '--verify', '--quiet', `${tracking}^{commit}`]);
  return tip.exitCode === 0 ? { remote, tip: tip.stdout.toString().trim() } : undefined;
}

/** Counts commits without bd's trailer, and those that touch any other file. */
async function countOthers(
  git: Git,
  { range, path }: { range: string; path: string },
): Promise<number> {
  const [unsigned, elsewhere] = await Promise.all([
    gitOutput(git, ['rev-list', '--invert-grep', `--grep=^${SEAL}$`, range]),
    gitOutput(git, ['rev-list', '--full-history', range, '--', '.', `:(exclude,literal)${path}`]),
  ]);
  const commits = `${unsigned}\n${elsewhere}`.split('\n').filter((line) => line !== '');
  return new Set(commits).size;
}
