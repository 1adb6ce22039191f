import { PUSH_ATTEMPTS_MAX } from '../../core/limits.ts';
import type { Pending } from '../../store/outbox.ts';
import type { Store } from '../../store/store.ts';
import type { CheckedOutBranch } from './checked-out-branch.ts';
import { diverged, mirrorBehind, noUpstream, waitsForPush } from './checked-out-obstacle.ts';
import { SEAL } from '../branch/branch-snapshot.ts';
import { findCommit, gitOutput, gitSucceeds, type Git } from '../../git/git.ts';
import { findInCommit } from '../../git/tree.ts';
import { issueList } from '../branch/branch-commit.ts';
import { pushRef } from '../../git/remote.ts';
import type { Mirror } from '../mirror/mirror-file.ts';
import { emptyCycleReport, type SyncCycle } from '../cycle.ts';
import {
  describeFailure,
  failureFrom,
  overtaken,
  type CycleEnd,
  type SyncFailure,
} from '../sync-failure.ts';

interface CheckedOutContext {
  store: Store;
  mirror: Mirror;
  branch: CheckedOutBranch;
  random: () => number;
  pause: (ms: number) => Promise<unknown>;
}

interface Outcome {
  end: CycleEnd;
  pushed?: number;
  remote?: string | undefined;
}

/** Longest pause before the next attempt, when a git command came in between. */
const PAUSE_MS = 200;

/**
 * Commits the mirror on the branch that is checked out, and pushes that branch if only such commits would
 * be pushed. It fetches nothing: others' changes come with the user's own pull.
 */
export function createCheckedOutCycle(context: CheckedOutContext): SyncCycle {
  /** The outcome of the last look at the remote's branch; valid while nothing here changes. */
  let settled: { branch: string; outcome: Outcome } | undefined;

  const share = async (push: boolean, signal: AbortSignal): Promise<Outcome> => {
    const { store, branch } = context;
    const pending = store.outbox.pending();
    const done = await commitSoon(context);
    if (done === undefined) return await withoutMirror(context, { push, pending });
    const { committed, seq } = done;
    if (committed.kind === 'race' || committed.kind === 'waits') {
      const { obstacle } = committed;
      return { end: obstacle ?? { ...overtaken(), retry: 'soon' } };
    }
    const known = settled;
    settled = undefined;
    if (!push) {
      store.outbox.clearThrough(seq);
      return { end: 'off', pushed: pending.count };
    }
    const isNews = committed.kind === 'committed' || pending.count > 0;
    const outcome =
      !isNews && known?.branch === committed.branch
        ? known.outcome
        : await send(branch, committed, { pending, signal });
    if (typeof outcome.end === 'string') {
      store.outbox.clearThrough(seq);
      settled = { branch: committed.branch, outcome: { ...outcome, pushed: 0 } };
    }
    return outcome;
  };

  return {
    commits: 'mirror',
    async run({ push, signal }) {
      try {
        return { ...emptyCycleReport(), ...(await share(push, signal)) };
      } catch (error) {
        return { ...emptyCycleReport(), end: failureFrom(context.store.explain(error)) };
      }
    },
  };
}

/** An empty project has no file yet; otherwise another program wrote the file, or it cannot be written. */
async function withoutMirror(
  { branch, mirror }: CheckedOutContext,
  { push, pending }: { push: boolean; pending: Pending },
): Promise<Outcome> {
  if (pending.count > 0) {
    return { end: (await branch.obstacle()) ?? mirrorBehind(mirror.path) };
  }
  if (!push) return { end: 'off' };
  return { end: (await hasRemote(branch.git)) ? 'shared' : 'no_remote' };
}

async function hasRemote(git: Git): Promise<boolean> {
  return (await gitOutput(git, ['remote'])) !== '';
}

/** Commits what the file shows, up to the event at `seq`; undefined when bd did not write its content. */
async function commitSoon({ store, mirror, branch, random, pause }: CheckedOutContext) {
  const { state, outbox } = store;
  for (let attempt = 1; ; attempt++) {
    // Read again each time, as the file may have been written since.
    const shown = await mirror.shown();
    if (shown === undefined) return undefined;
    const { content, seq } = shown;
    const before = state.get('committed_seq') ?? 0;
    const subject = autoSyncSubject(outbox.pending({ after: before }));
    const committed = await branch.commit({ content, subject });
    if (committed.kind === 'committed') state.set('committed_seq', seq);
    if (committed.kind !== 'race' || attempt === PUSH_ATTEMPTS_MAX) return { committed, seq };
    await pause(random() * PAUSE_MS);
  }
}

function autoSyncSubject(pending: Pick<Pending, 'count' | 'ids'>): string {
  return `Auto-sync: ${pending.count === 0 ? 'bring the issues up to date' : issueList(pending)}`;
}

/** Pushes the branch when only commits of bd are missing on the remote, as last fetched. */
async function send(
  { git, path }: CheckedOutBranch,
  { branch, commit }: { branch: string; commit: string },
  { pending, signal }: { pending: Pending; signal: AbortSignal },
): Promise<Outcome> {
  if (!(await hasRemote(git))) return { end: 'no_remote', pushed: pending.count };
  // A new branch without upstream needs no report while no change waits to be shared.
  const unlessShared = (obstacle: SyncFailure): CycleEnd =>
    pending.count === 0 ? 'shared' : obstacle;
  const upstream = await findUpstream(git, branch);
  if (upstream === undefined) return { end: unlessShared(noUpstream(branch)) };
  const { remote, tip } = upstream;
  const [theirs, ours] = await Promise.all([
    findInCommit(git, tip, path),
    findInCommit(git, commit, path),
  ]);
  if (theirs?.oid === ours?.oid) return { end: 'shared', remote };
  if (!(await gitSucceeds(git, ['merge-base', '--is-ancestor', tip, commit]))) {
    return { end: unlessShared(diverged(branch, remote)), remote };
  }
  const others = await countOthers(git, { range: `${tip}..${commit}`, path });
  if (others > 0) return { end: unlessShared(waitsForPush(branch, remote, others)), remote };
  const refused = await pushRef(git, { remote, commit, ref: `refs/heads/${branch}` }, { signal });
  if (refused === undefined) return { end: 'shared', pushed: pending.count, remote };
  if (refused.kind === 'race') return { end: diverged(branch, remote), remote };
  const failure = describeFailure(refused, remote);
  return { end: refused.kind === 'rejected' ? { ...failure, remedy: REFUSED } : failure, remote };
}

const REFUSED =
  'Push the branch your own way, keep issues here (`bd config set sync.push false`), or on a branch of their own (`bd migrate --to branch`).';

/** Undefined for a branch that follows one of another name, such as `main`: only the user pushes that. */
async function findUpstream(git: Git, branch: string) {
  const format = '--format=%(upstream)%00%(upstream:remotename)%00%(upstream:remoteref)';
  const listing = await gitOutput(git, ['for-each-ref', format, `refs/heads/${branch}`]);
  const [tracking = '', remote = '', theirs = ''] = listing.split('\0');
  if (!tracking.startsWith('refs/remotes/') || theirs !== `refs/heads/${branch}`) return undefined;
  const tip = await findCommit(git, tracking);
  return tip === undefined ? undefined : { remote, tip };
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
