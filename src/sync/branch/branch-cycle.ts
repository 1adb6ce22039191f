import { PUSH_ATTEMPTS_MAX, RACE_PAUSE_MAX_MS, RACE_PAUSE_MS } from '../../core/limits.ts';
import type { Pending } from '../../store/outbox.ts';
import { findClassicOrigin, takeIn, type Intake } from './branch-intake.ts';
import {
  forgetShared,
  IMPORTED,
  IMPORTED_FROM,
  noteFrom,
  SHARED,
  WRITTEN,
} from './branch-memory.ts';
import type { Fetched } from './branch-remote.ts';
import { countCommit, packWhenDue } from './branch-upkeep.ts';
import { retellPending } from '../intake/classic-origin.ts';
import { commitSubject } from './commit-subject.ts';
import type { Reached } from '../cycle-steps.ts';
import { emptyCycleReport, type CycleReport, type SyncCycle } from '../cycle.ts';
import { createIssueTree, type IssueTree } from './issue-tree.ts';
import { noteSharedWrites, waitingLines } from '../intake/own-writes.ts';
import {
  deletedBranch,
  describeFailure,
  failureFrom,
  overtaken,
  type CycleEnd,
} from '../sync-failure.ts';

/** All that a cycle works with. */
export interface CycleContext extends Intake {
  issueTree: IssueTree;
  random: () => number;
  pause: (ms: number) => Promise<unknown>;
  /** Off: changes are committed here, and nothing is fetched or sent. */
  push: boolean;
  /** Stops what talks to the remote; local steps end by themselves. */
  signal: AbortSignal;
  reached: Reached;
}

type BranchCycleOptions = Omit<CycleContext, 'issueTree' | 'push' | 'signal' | 'reached'> &
  Partial<Pick<CycleContext, 'reached'>>;

/** Shares through a branch of bd's own. */
export function createBranchCycle({
  reached = () => {},
  ...options
}: BranchCycleOptions): SyncCycle {
  const { store, branch } = options;
  const issueTree = createIssueTree(store, branch.objects);
  return {
    commits: 'store',
    run: (how) => runBranchCycle({ ...options, ...how, issueTree, reached }),
    async tidy(signal) {
      const packed = await packWhenDue(store.settings, branch, { signal });
      if (packed === 'packed') await reached('packed');
    },
  };
}

/**
 * Fetch, take in, commit on the fetched tip, push; again when another clone's push came first. A step
 * is noted after its effect, so a cycle that dies anywhere is repeated by the next one without harm.
 */
export async function runBranchCycle(context: CycleContext): Promise<CycleReport> {
  const report = emptyCycleReport();
  try {
    if (context.push) report.remote = await context.branch.remote();
    report.end = await runAttempts(context, report);
  } catch (error) {
    report.end = failureFrom(context.store.explain(error));
  }
  // What was made for a commit that did not come about may be removed by anybody's `git gc`.
  if (typeof report.end !== 'string') forgetMade(context);
  return report;
}

async function runAttempts(context: CycleContext, report: CycleReport): Promise<CycleEnd> {
  const { store, branch, push, pause, random, signal, reached } = context;
  const { remote } = report;
  for (let attempt = 0; attempt < PUSH_ATTEMPTS_MAX; attempt++) {
    if (attempt > 0) await pause(racePauseMs(attempt, random()));
    if (remote === undefined) {
      const built = await commit(context, report);
      if (built.kind !== 'race') return push ? 'no_remote' : 'off';
      forgetMade(context);
      continue;
    }
    const fetched = await branch.fetch(remote, { signal });
    if (fetched.kind === 'race') continue;
    await reached('fetched');
    const failure = await settleFetch(context, fetched, remote);
    if (failure !== undefined) {
      // What cannot be sent is at least committed: the repository holds it when the store is lost.
      await commit(context, report);
      return failure;
    }
    if ('replaced' in fetched) {
      await takeIn(context, report, { tip: fetched.replaced, seen: IMPORTED });
      // The new history lacks what the old one had: it is shared no more.
      forgetShared(store);
    }
    const built = await commit(context, report);
    if (built.kind === 'shared') return 'shared';
    if (built.kind === 'race') {
      forgetMade(context);
      continue;
    }
    const { theirs } = await branch.tips();
    const pushed = await branch.push(remote, built.commit, { theirs, signal });
    await reached('pushed');
    if (pushed.kind === 'pushed') {
      report.pushed += built.pending.count;
      await noteShared(context, { ...built, from: pushed.from });
      await reached('noted');
      return 'shared';
    }
    if (pushed.kind !== 'race') return describeFailure(pushed, remote);
  }
  return overtaken();
}

/** Why the cycle ends here; undefined when it goes on from what the remote holds now. */
async function settleFetch(
  { store, branch }: CycleContext,
  fetched: Fetched,
  remote: string,
): Promise<CycleEnd | undefined> {
  switch (fetched.kind) {
    case 'changed':
    case 'unchanged':
      noteFrom(store, fetched.from);
      return undefined;
    case 'absent':
      // Somebody may have deleted it to take a secret back: that is not for us to undo.
      if (store.settings.get(IMPORTED_FROM) === fetched.from) return deletedBranch(fetched.from);
      if ((await branch.tips()).theirs !== undefined) await branch.forgetTheirs();
      return undefined;
    default:
      return describeFailure(fetched, remote);
  }
}

type Built =
  | { kind: 'shared' }
  | { kind: 'race' }
  | { kind: 'ahead'; commit: string; pending: Pending };

/** Joins what the refs hold into the store and brings `refs/bd/sync` to a commit that shows the store. */
async function commit(context: CycleContext, report: CycleReport): Promise<Built> {
  const { store, branch, clock, issueTree, reached } = context;
  const { ours, theirs } = await branch.tips();
  const hasRemote = report.remote !== undefined;
  const sound = hasRemote ? ours : await soundTip(context, ours);
  const originOf = await findClassicOrigin(context, theirs);
  // A store that was lost comes back from what it had committed, and never overwrites it.
  await takeIn(context, report, { tip: sound, seen: WRITTEN });
  await noteArrived(context, { ours, theirs });
  if (originOf !== undefined) {
    store.transaction(() => retellPending(store, { originOf, nowMs: clock.nowMs() }));
  }
  if (hasRemote) await takeIn(context, report, { tip: theirs, seen: IMPORTED, originOf });
  await reached('taken in');
  const pending = store.outbox.pending();
  // Without a remote the history is ours alone; with one, it goes on from what all have.
  const parent = hasRemote ? theirs : (sound ?? theirs);
  // With a commit of ours that is not theirs, the outbox of a store that was put back tells too little.
  const isShared = parent !== undefined && parent === ours && store.settings.get(SHARED) === parent;
  if (isShared && pending.count === 0) return { kind: 'shared' };
  // To a remote even an empty project is published: a teammate's `bd init` then joins it.
  if (!hasRemote && parent === undefined && store.issues.count() === 0) return { kind: 'shared' };

  const base = parent === undefined ? undefined : await branch.snapshot(parent);
  const issues = await issueTree.write({ hasParts: base?.shards !== undefined });
  await reached('objects written');
  const subject = commitSubject(pending);
  const written = await branch.write({ parent, issues, subject, ours });
  if (written.kind === 'race') return written;
  await reached('committed');
  store.settings.set(WRITTEN, written.commit);
  const built = { kind: 'ahead', commit: written.commit, pending } as const;
  if (hasRemote && written.commit !== theirs) return built;
  if (!hasRemote) report.pushed += pending.count;
  await noteShared(context, built);
  await reached('noted');
  return { kind: 'shared' };
}

/**
 * The commit of ours to build upon. One that nobody noted may lack what a `git gc` took away before the
 * ref led there: no push would find that out, and each later `git gc` would fail for it.
 */
async function soundTip(
  context: CycleContext,
  ours: string | undefined,
): Promise<string | undefined> {
  const { store, branch } = context;
  if (ours === undefined || store.settings.get(WRITTEN) === ours) return ours;
  if (await branch.isWhole(ours)) return ours;
  const before = (await branch.snapshot(ours))?.parents[0];
  forgetMade(context);
  return before !== undefined && (await branch.isWhole(before)) ? before : undefined;
}

/** A push may arrive although its answer does not, or this process ends before it has noted that. */
async function noteArrived(
  context: CycleContext,
  { ours, theirs }: { ours: string | undefined; theirs: string | undefined },
): Promise<void> {
  const { store, branch } = context;
  if (ours === undefined || theirs === undefined || store.outbox.pending().count === 0) return;
  if (store.settings.get(SHARED) === ours || !(await branch.isWithin(ours, theirs))) return;
  const lines = await linesThatWait(context, ours);
  store.transaction(() => noteSharedWrites(store, lines));
}

/** What a commit of ours shows of the issues that wait to be sent. */
async function linesThatWait({ store, branch }: CycleContext, commit: string): Promise<string[]> {
  const snapshot = await branch.snapshot(commit);
  return snapshot === undefined ? [] : waitingLines(store, await branch.readIssues(snapshot));
}

function forgetMade({ branch, issueTree }: CycleContext): void {
  issueTree.forget();
  branch.forget();
}

/** What was in the outbox before the records were read is in `commit`; later changes stay. */
async function noteShared(
  context: CycleContext,
  { commit, pending, from }: { commit: string; pending: Pending; from?: string },
): Promise<void> {
  const { store } = context;
  const isChanged = store.outbox.pending().lastSeq > pending.lastSeq;
  const lines = isChanged ? await linesThatWait(context, commit) : [];
  store.transaction(() => {
    store.outbox.clearThrough(pending.lastSeq);
    noteSharedWrites(store, lines);
    store.settings.set(IMPORTED, commit);
    store.settings.set(SHARED, commit);
    countCommit(store.settings);
    if (from !== undefined) noteFrom(store, from);
  });
}

/** Full jitter: clones that met once are not to meet again at the same time. */
function racePauseMs(attempt: number, random: number): number {
  const bound = Math.min(RACE_PAUSE_MS * 2 ** attempt, RACE_PAUSE_MAX_MS);
  return RACE_PAUSE_MS + random * bound;
}
