import { PUSH_ATTEMPTS_MAX, RACE_PAUSE_MAX_MS, RACE_PAUSE_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import type { Pending } from '../store/outbox.ts';
import type { Store } from '../store/store.ts';
import { idOfLine, renderBranchFile } from './branch-file.ts';
import { readIssueLines } from './issue-lines.ts';
import { branchBase, type FindBase } from './line-base.ts';
import { quarantineLines } from './quarantine.ts';
import { reconcile, type LineProblem } from './reconcile.ts';
import type { SyncBranch } from './sync-branch.ts';
import { describeFailure, failureFrom, overtaken, type CycleEnd } from './sync-failure.ts';
import type { JoinNews } from './sync-report.ts';

export interface CycleReport extends JoinNews {
  end: CycleEnd;
  /** Issues sent, or committed here where nothing is sent. */
  pushed: number;
  imported: number;
  remote: string | undefined;
}

export interface CycleContext {
  store: Store;
  branch: SyncBranch;
  clock: Clock;
  random: () => number;
  pause: (ms: number) => Promise<unknown>;
  quarantineDirectory: string;
  /** Off: changes are committed here, and nothing is fetched or sent. */
  push: boolean;
  /** Stops what talks to the remote; local steps end by themselves. */
  signal: AbortSignal;
}

/** The last commit of the remote's branch whose lines are in the store. */
const IMPORTED = 'imported_tip';
/** Our last commit: when the ref is elsewhere, this store is not the one that wrote it. */
const WRITTEN = 'written_tip';
/** The last commit that was seen to show the store, shared as far as it can be. */
const SHARED = 'pushed_tip';

/**
 * Fetch, take in, commit on the fetched tip, push; again when another clone's push came first. A step
 * is noted after its effect, so a cycle that dies anywhere is repeated by the next one without harm.
 */
export async function runSyncCycle(context: CycleContext): Promise<CycleReport> {
  const report: CycleReport = {
    end: 'off',
    pushed: 0,
    imported: 0,
    remote: undefined,
    problems: [],
    quarantine: undefined,
    moved: [],
    lostClaims: [],
    doubled: [],
  };
  try {
    if (context.push) report.remote = await context.branch.remote();
    report.end = await runAttempts(context, report);
  } catch (error) {
    report.end = failureFrom(error);
  }
  return report;
}

async function runAttempts(context: CycleContext, report: CycleReport): Promise<CycleEnd> {
  const { branch, push, pause, random, signal } = context;
  const { remote } = report;
  if (remote === undefined) {
    const built = await commit(context, report);
    return built.kind === 'race' ? overtaken() : push ? 'no_remote' : 'off';
  }
  for (let attempt = 0; attempt < PUSH_ATTEMPTS_MAX; attempt++) {
    if (attempt > 0) await pause(racePauseMs(attempt, random()));
    const fetched = await branch.fetch(remote, { signal });
    if (fetched.kind === 'race') continue;
    if (fetched.kind !== 'fetched') {
      // What cannot be sent is at least committed: the repository holds it when the store is lost.
      await commit(context, report);
      return describeFailure(fetched, remote);
    }
    const built = await commit(context, report);
    if (built.kind === 'shared') return 'shared';
    if (built.kind === 'race') continue;
    const pushed = await branch.push(remote, built.commit, { signal });
    if (pushed.kind === 'pushed') {
      report.pushed += built.pending.count;
      noteShared(context.store, built);
      return 'shared';
    }
    if (pushed.kind !== 'race') return describeFailure(pushed, remote);
  }
  return overtaken();
}

type Built =
  | { kind: 'shared' }
  | { kind: 'race' }
  | { kind: 'ahead'; commit: string; pending: Pending };

/** Joins what the refs hold into the store and brings `refs/bd/sync` to a commit that shows the store. */
async function commit(context: CycleContext, report: CycleReport): Promise<Built> {
  const { store, branch } = context;
  const { ours, theirs } = await branch.tips();
  const hasRemote = report.remote !== undefined;
  // A store that was lost comes back from what it had committed, and never overwrites it.
  await takeIn(context, report, { tip: ours, seen: WRITTEN });
  if (hasRemote) await takeIn(context, report, { tip: theirs, seen: IMPORTED });
  const pending = store.outbox.pending();
  // Without a remote the history is ours alone; with one, it goes on from what all have.
  const parent = hasRemote ? theirs : (ours ?? theirs);
  // With a commit of ours that is not theirs, the outbox of a store that was put back tells too little.
  const isShared = parent !== undefined && parent === ours && store.settings.get(SHARED) === parent;
  if (isShared && pending.count === 0) return { kind: 'shared' };
  // To a remote even an empty project is published: a teammate's `bd init` then joins it.
  if (!hasRemote && parent === undefined && store.issues.count() === 0) return { kind: 'shared' };

  const content = await renderBranchFile(store);
  const subject = commitSubject(pending);
  const written = await branch.write({ parent, issues: content, subject, ours });
  if (written.kind === 'race') return written;
  store.settings.set(WRITTEN, written.commit);
  const built = { kind: 'ahead', commit: written.commit, pending } as const;
  if (hasRemote && written.commit !== theirs) return built;
  if (!hasRemote) report.pushed += pending.count;
  noteShared(store, built);
  return { kind: 'shared' };
}

async function takeIn(
  { store, branch, clock, quarantineDirectory }: CycleContext,
  report: CycleReport,
  { tip, seen }: { tip: string | undefined; seen: string },
): Promise<void> {
  if (tip === undefined || store.settings.get(seen) === tip) return;
  const content = await branch.readIssues(tip);
  const taken = await reconcile(readIssueLines(content ?? Buffer.alloc(0)), {
    store,
    clock,
    origin: 'remote',
    findBase: await findBranchBase(branch, tip),
  });
  report.imported += taken.created + taken.updated;
  report.moved.push(...taken.moved);
  report.lostClaims.push(...taken.lostClaims);
  report.doubled.push(...taken.doubled);
  const fresh = carry(store, taken.problems);
  if (fresh.length > 0) {
    report.quarantine = await quarantineLines(quarantineDirectory, fresh);
    report.problems = fresh;
  }
  store.settings.set(seen, tip);
}

/** Lines that nobody sealed were made from those of the last commit that one of us made. */
async function findBranchBase(branch: SyncBranch, tip: string): Promise<FindBase> {
  const sealed = await branch.sealedCommit(tip);
  if (sealed === undefined || sealed === tip) return () => undefined;
  const content = await branch.readIssues(sealed);
  let lines: Map<string, string> | undefined;
  return branchBase((id) => {
    lines ??= linesById(content ?? Buffer.alloc(0));
    return lines.get(id);
  });
}

function linesById(content: Buffer): Map<string, string> {
  const lines = new Map<string, string>();
  for (const { text = '', raw } of readIssueLines(content)) lines.set(idOfLine(raw) ?? '', text);
  return lines;
}

/** Keeps what cannot be read on the branch as it is; returns what was not there before. */
function carry(store: Store, problems: readonly LineProblem[]): LineProblem[] {
  const known = new Set(store.carried.all().map(({ line }) => Buffer.from(line).toString('hex')));
  const carried = problems.map(({ raw }) => ({ line: raw, issueId: idOfLine(raw) }));
  if (carried.length > 0 || known.size > 0) {
    store.transaction(() => store.carried.replaceBy(carried));
  }
  return problems.filter(({ raw }) => !known.has(Buffer.from(raw).toString('hex')));
}

/** What was in the outbox before the records were read is in `commit`; later changes stay. */
function noteShared(store: Store, { commit, pending }: { commit: string; pending: Pending }): void {
  store.transaction(() => {
    store.outbox.clearThrough(pending.lastSeq);
    store.settings.set(IMPORTED, commit);
    store.settings.set(SHARED, commit);
  });
}

export function commitSubject({ count, ids }: Pick<Pending, 'count' | 'ids'>): string {
  if (count === 0) return 'bd: bring the branch up to date';
  const listed = ids.join(', ') + (count > ids.length ? ', …' : '');
  return `bd: ${count} ${count === 1 ? 'issue' : 'issues'} (${listed})`;
}

/** Full jitter: clones that met once are not to meet again at the same time. */
function racePauseMs(attempt: number, random: number): number {
  const bound = Math.min(RACE_PAUSE_MS * 2 ** attempt, RACE_PAUSE_MAX_MS);
  return RACE_PAUSE_MS + random * bound;
}
