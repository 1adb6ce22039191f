import { PUSH_ATTEMPTS_MAX, RACE_PAUSE_MAX_MS, RACE_PAUSE_MS } from '../../core/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Pending } from '../../store/outbox.ts';
import type { State } from '../../store/state.ts';
import type { Store } from '../../store/store.ts';
import {
  emptyCycleReport,
  type CycleReport,
  type CycleRun,
  type Reached,
  type SyncCycle,
} from '../cycle.ts';
import { readIssueLines, idOfLine } from '../intake/issue-lines.ts';
import { addEffects } from '../intake/join-news.ts';
import { branchBase, type FindBase } from '../intake/line-base.ts';
import { noteSharedWrites, waitingLines } from '../intake/own-writes.ts';
import { reconcile } from '../intake/reconcile.ts';
import { quarantineNews, type LineProblem } from '../intake/unreadable-lines.ts';
import {
  deletedBranch,
  describeFailure,
  failureFrom,
  overtaken,
  type CycleEnd,
} from '../sync-failure.ts';
import { commitSubject } from './branch-commit.ts';
import { countCommit, forgetShared, packWhenDue } from './branch-memory.ts';
import type { Fetched } from './branch-remote.ts';
import type { BranchSnapshot } from './branch-snapshot.ts';
import { IssueTree, partOf } from './issue-tree.ts';
import type { SyncBranch } from './sync-branch.ts';

interface BranchCycleOptions {
  store: Store;
  branch: SyncBranch;
  clock: Clock;
  quarantineDirectory: string;
  random: () => number;
  pause: (ms: number) => Promise<unknown>;
  reached?: Reached;
}

/** What a cycle works with. */
interface CycleContext extends BranchCycleOptions, CycleRun {
  issueTree: IssueTree;
}

/** Shares issues through a branch of their own. */
export function createBranchCycle(options: BranchCycleOptions): SyncCycle {
  const { store, branch, reached } = options;
  const issueTree = new IssueTree(store, branch.objects);
  return {
    commits: 'store',
    run: (how) => runBranchCycle({ ...options, ...how, issueTree }),
    restore: () => restoreFromRefs(options),
    async tidy(signal) {
      const packed = await packWhenDue(store.state, branch, { signal });
      if (packed === 'packed') await reached?.('packed');
    },
  };
}

/** Takes in what the repository holds, without the network. */
async function restoreFromRefs(options: BranchCycleOptions): Promise<void> {
  const { branch } = options;
  const report = emptyCycleReport();
  const { ours, theirs } = await branch.heldTips();
  await takeIn(options, report, { tip: theirs, seen: 'imported_tip' });
  // A commit that misses objects stays unnoted, for the cycle to find out.
  if (ours !== undefined && (await branch.isWhole(ours))) {
    await takeIn(options, report, { tip: ours, seen: 'written_tip' });
  }
}

/**
 * Fetches, takes in, commits on the fetched tip, pushes; and again when another clone pushed first. A step is
 * noted after its effect, so the next cycle safely repeats what a killed one did not finish.
 */
export async function runBranchCycle(context: CycleContext): Promise<CycleReport> {
  const report = emptyCycleReport();
  try {
    if (context.push) report.remote = await context.branch.remote();
    report.end = await runAttempts(context, report);
  } catch (error) {
    report.end = failureFrom(context.store.explain(error));
  }
  // No ref leads to objects made for a commit that failed: any `git gc` may remove them.
  if (typeof report.end !== 'string') forgetMade(context);
  return report;
}

async function runAttempts(context: CycleContext, report: CycleReport): Promise<CycleEnd> {
  const { store, branch, push, pause, random, signal, reached } = context;
  const { remote } = report;
  for (let attempt = 0; attempt < PUSH_ATTEMPTS_MAX; attempt++) {
    if (attempt > 0) await pause(racePauseMs(attempt, random()));
    if (remote === undefined) {
      if ((await commit(context, report)) === 'race') continue;
      return push ? 'no_remote' : 'off';
    }
    const fetched = await branch.fetch(remote, { signal });
    if (fetched.kind === 'race') continue;
    await reached?.('fetched');
    const failure = await settleFetch(context, fetched, remote);
    if (failure !== undefined) {
      // What cannot be pushed is committed all the same: the repository has it if the store is lost.
      await commit(context, report);
      return failure;
    }
    if ('replaced' in fetched) {
      await takeIn(context, report, { tip: fetched.replaced, seen: 'imported_tip' });
      // The new history lacks what only the old one had, so that is no longer shared.
      forgetShared(store);
    }
    const built = await commit(context, report);
    if (built === 'shared') return built;
    if (built === 'race') continue;
    const shown = report.imported > 0 ? context.onJoined?.() : undefined;
    const { theirs } = await branch.tips();
    const pushed = await branch.push(remote, built.commit, { theirs, signal });
    await shown;
    await reached?.('pushed');
    if (pushed.kind === 'pushed') {
      report.pushed += built.pending.count;
      await noteShared(context, { ...built, from: pushed.from });
      await reached?.('noted');
      return 'shared';
    }
    if (pushed.kind !== 'race') return describeFailure(pushed, remote);
  }
  return overtaken();
}

/** Why the cycle ends here; undefined when it goes on from what was fetched. */
async function settleFetch(
  { store, branch }: CycleContext,
  fetched: Fetched,
  remote: string,
): Promise<CycleEnd | undefined> {
  switch (fetched.kind) {
    case 'changed':
    case 'unchanged':
      noteFrom(store.state, fetched.from);
      return undefined;
    case 'absent':
      // It may have been deleted to remove a secret, so only a user may publish it again.
      if (store.state.get('imported_from') === fetched.from) return deletedBranch(fetched.from);
      if ((await branch.tips()).theirs !== undefined) await branch.forgetTheirs();
      return undefined;
    default:
      return describeFailure(fetched, remote);
  }
}

/** A commit that is to be pushed, and what waited for it; or the remote has it, or it must be made again. */
type Built = { commit: string; pending: Pending } | 'shared' | 'race';

/** Joins what the refs hold into the store, and moves `refs/bd/sync` to a commit that shows the store. */
async function commit(context: CycleContext, report: CycleReport): Promise<Built> {
  const { store, branch, issueTree, reached } = context;
  const { ours, theirs } = await branch.tips();
  const hasRemote = report.remote !== undefined;
  const sound = hasRemote ? ours : await soundTip(context, ours);
  // A new store after a loss first takes in what the old one had committed, and never overwrites it.
  await takeIn(context, report, { tip: sound, seen: 'written_tip' });
  await noteArrived(context, { ours, theirs });
  if (hasRemote) await takeIn(context, report, { tip: theirs, seen: 'imported_tip' });
  await reached?.('taken in');
  const pending = store.outbox.pending();
  // Without a remote the history is ours alone; with one, it continues what all clones have.
  const parent = hasRemote ? theirs : (sound ?? theirs);
  // After a restore from a backup the outbox is incomplete: only a commit that they have counts as shared.
  const isShared =
    parent !== undefined && parent === ours && store.state.get('pushed_tip') === parent;
  if (isShared && pending.count === 0) return 'shared';
  // With a remote even an empty project is published, so that a teammate's `bd init` joins it.
  if (!hasRemote && parent === undefined && store.issues.count() === 0) return 'shared';

  const base = await branch.snapshot(parent);
  const issues = await issueTree.write({ hasParts: base?.shards !== undefined });
  await reached?.('objects written');
  const written = await branch.write({ parent, issues, subject: commitSubject(pending), ours });
  if (written === undefined) {
    forgetMade(context);
    return 'race';
  }
  await reached?.('committed');
  const built = { commit: written, pending };
  if (hasRemote && written !== theirs) {
    store.state.set('written_tip', written);
    return built;
  }
  if (!hasRemote) report.pushed += pending.count;
  await noteShared(context, built);
  await reached?.('noted');
  return 'shared';
}

/**
 * Our commit to build on. A commit that was not noted may lack objects that a `git gc` removed before the ref
 * led to it: no push would notice, and every later `git gc` would fail.
 */
async function soundTip(
  context: CycleContext,
  ours: string | undefined,
): Promise<string | undefined> {
  const { store, branch } = context;
  if (ours === undefined || store.state.get('written_tip') === ours) return ours;
  if (await branch.isWhole(ours)) return ours;
  const before = (await branch.snapshot(ours))?.parents[0];
  forgetMade(context);
  return before !== undefined && (await branch.isWhole(before)) ? before : undefined;
}

/** A push may have arrived although its answer got lost, or the process was killed before it noted that. */
async function noteArrived(
  context: CycleContext,
  { ours, theirs }: { ours: string | undefined; theirs: string | undefined },
): Promise<void> {
  const { store, branch } = context;
  if (ours === undefined || theirs === undefined || store.outbox.count(1) === 0) return;
  if (store.state.get('pushed_tip') === ours || !(await branch.isWithin(ours, theirs))) return;
  const lines = await linesThatWait(context, ours);
  store.transaction(() => noteSharedWrites(store, lines));
}

/** The lines in one of our commits for issues that wait in the outbox. */
async function linesThatWait({ store, branch }: CycleContext, commit: string): Promise<string[]> {
  const snapshot = await branch.snapshot(commit);
  if (snapshot === undefined) return [];
  const parts = new Set(store.outbox.issueIds().map(partOf));
  return waitingLines(store, await branch.readIssues(snapshot, { parts }));
}

function forgetMade({ branch, issueTree }: CycleContext): void {
  issueTree.forget();
  branch.forget();
}

/** `commit` has what was in the outbox before the records were read; later changes stay there. */
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
    store.state.set('written_tip', commit);
    store.state.set('imported_tip', commit);
    store.state.set('pushed_tip', commit);
    countCommit(store.state);
    if (from !== undefined) noteFrom(store.state, from);
  });
}

/** Full jitter, so that two clones that collided do not collide again. */
function racePauseMs(attempt: number, random: number): number {
  const bound = Math.min(RACE_PAUSE_MS * 2 ** attempt, RACE_PAUSE_MAX_MS);
  return RACE_PAUSE_MS + random * bound;
}

/** Notes the remote and branch that issues came from; writes only a change. */
function noteFrom(state: State, from: string): void {
  if (state.get('imported_from') !== from) state.set('imported_from', from);
}

/** Joins the lines of a commit into the store; `seen` is where the commit is remembered. */
async function takeIn(
  { store, branch, clock, quarantineDirectory }: BranchCycleOptions,
  report: CycleReport,
  { tip, seen }: { tip: string | undefined; seen: 'imported_tip' | 'written_tip' },
): Promise<void> {
  const before = store.state.get(seen);
  const snapshot = tip === before ? undefined : await branch.snapshot(tip);
  if (snapshot === undefined) return;
  // Unreadable lines are kept for the whole branch at once, so with any of them all of it is read.
  const isPartial = before !== undefined && store.carried.all().length === 0;
  const since = isPartial ? await branch.snapshot(before) : undefined;
  // A `git gc` can damage one of our own commits that no ref led to; it is not built on then.
  const missing = seen === 'imported_tip' ? 'refuse' : 'skip';
  const content = await branch.readIssues(snapshot, { since, missing });
  const taken = await reconcile(readIssueLines(content), {
    store,
    clock,
    origin: 'remote',
    findBase: await findBranchBase(branch, snapshot),
  });
  report.imported += taken.created + taken.updated;
  addEffects(report, taken);
  const known = carry(store, taken.problems);
  await quarantineNews(report, taken.problems, { known, directory: quarantineDirectory });
  store.transaction(() => {
    store.state.set(seen, snapshot.commit);
    countCommit(store.state);
  });
}

/** Unsealed lines were made from the lines of the last commit that bd made. */
async function findBranchBase(branch: SyncBranch, tip: BranchSnapshot): Promise<FindBase> {
  const sealed = await branch.sealedCommit(tip);
  if (sealed === undefined || sealed === tip) return () => undefined;
  const content = await branch.readIssues(sealed, { since: tip });
  let lines: Map<string, string> | undefined;
  return branchBase((id) => (lines ??= linesById(content)).get(id));
}

function linesById(content: Buffer): Map<string, string> {
  const lines = new Map<string, string>();
  for (const { text = '', raw } of readIssueLines(content)) lines.set(idOfLine(raw) ?? '', text);
  return lines;
}

/** Keeps unreadable lines on the branch as they are; returns those that were there before. */
function carry(store: Store, problems: readonly LineProblem[]): Uint8Array[] {
  const known = store.carried.all().map(({ line }) => line);
  const carried = problems.map(({ raw }) => ({ line: raw, issueId: idOfLine(raw) }));
  if (carried.length > 0 || known.length > 0) {
    store.transaction(() => store.carried.replaceBy(carried));
  }
  return known;
}
