import type { Clock } from '../../platform/clock.ts';
import type { Store } from '../../store/store.ts';
import type { BranchSnapshot } from './branch-snapshot.ts';
import { countCommit } from './branch-upkeep.ts';
import type { CycleReport } from '../cycle.ts';
import { readIssueLines, idOfLine } from '../intake/issue-lines.ts';
import { addEffects } from '../intake/join-news.ts';
import { branchBase, type FindBase } from '../intake/line-base.ts';
import { quarantineLines, type LineProblem } from '../intake/unreadable-lines.ts';
import { reconcile } from '../intake/reconcile.ts';
import type { SyncBranch } from './sync-branch.ts';

/** The store that takes in the branch. */
export interface Intake {
  store: Store;
  branch: SyncBranch;
  clock: Clock;
  quarantineDirectory: string;
}

/** Joins the lines of a commit into the store; `seen` is where the commit is remembered. */
export async function takeIn(
  { store, branch, clock, quarantineDirectory }: Intake,
  report: CycleReport,
  { tip, seen }: { tip: string | undefined; seen: 'imported_tip' | 'written_tip' },
): Promise<void> {
  const before = store.state.get(seen);
  const snapshot = tip === undefined || tip === before ? undefined : await branch.snapshot(tip);
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
  const fresh = carry(store, taken.problems);
  if (fresh.length > 0) {
    report.quarantine = await quarantineLines(quarantineDirectory, fresh);
    report.problems = fresh;
  }
  store.transaction(() => {
    store.state.set(seen, snapshot.commit);
    countCommit(store.state);
  });
}

/** Unsealed lines were made from the lines of the last commit that bd made. */
async function findBranchBase(branch: SyncBranch, tip: BranchSnapshot): Promise<FindBase> {
  const sealed = await branch.sealedCommit(tip);
  if (sealed === undefined || sealed === tip) return () => undefined;
  return branchBase(await findLines(branch, sealed, tip));
}

async function findLines(
  branch: SyncBranch,
  snapshot: BranchSnapshot,
  since?: BranchSnapshot,
): Promise<(id: string) => string | undefined> {
  const content = await branch.readIssues(snapshot, { since });
  let lines: Map<string, string> | undefined;
  return (id) => {
    lines ??= linesById(content);
    return lines.get(id);
  };
}

function linesById(content: Buffer): Map<string, string> {
  const lines = new Map<string, string>();
  for (const { text = '', raw } of readIssueLines(content)) lines.set(idOfLine(raw) ?? '', text);
  return lines;
}

/** Keeps unreadable lines on the branch as they are; returns those that are new. */
function carry(store: Store, problems: readonly LineProblem[]): LineProblem[] {
  const known = new Set(store.carried.all().map(({ line }) => Buffer.from(line).toString('hex')));
  const carried = problems.map(({ raw }) => ({ line: raw, issueId: idOfLine(raw) }));
  if (carried.length > 0 || known.size > 0) {
    store.transaction(() => store.carried.replaceBy(carried));
  }
  return problems.filter(({ raw }) => !known.has(Buffer.from(raw).toString('hex')));
}
