import type { IssueState } from '../../core/causal/issue-state.ts';
import { joinStates } from '../../core/causal/join.ts';
import { counterAt } from '../../core/causal/dot.ts';
import { viewIssue } from '../../core/causal/view.ts';
import { encodeState } from '../../core/causal/causal-line.ts';
import { isClosed, isDeleted, type Dependency, type Issue } from '../../core/issue.ts';
import type { ChangeKind, Origin } from '../../store/change.ts';
import type { Store } from '../../store/store.ts';
import { logConflicts, type JoinEffects, type MovedIssue } from './join-news.ts';
import { isWrittenElsewhere, renameOwnWrites } from './own-writes.ts';
import { joinVersions } from './read-line.ts';

interface Version {
  /** The line it came in. */
  text: string;
  isSealed: boolean;
  ours: IssueState | undefined;
  theirs: IssueState;
}

interface VersionContext {
  store: Store;
  nowMs: number;
  origin: Exclude<Origin, 'local'>;
  report: JoinEffects;
}

/** Joins one version of an issue into the store. */
export function takeInVersion(
  version: Version,
  context: VersionContext,
): 'created' | 'updated' | 'unchanged' {
  const { store, nowMs } = context;
  const { text, isSealed, theirs } = version;
  let { ours } = version;
  if (ours !== undefined && isSealed && isWrittenElsewhere(store, ours, theirs)) {
    renameOwnWrites(store, { nowMs });
    ours = store.issues.state(ours.id);
  }
  const outcome = joinVersions(store, ours, theirs);
  if ('kept' in outcome) return separate(outcome, { ours, theirs }, context);
  const { joined } = outcome;
  const line = encodeState(joined);
  const isNews = store.issues.line(joined.id) !== line;
  if (isNews) put(ours, joined, context);
  // The sender lacks some of our writes; queue the joined state.
  if (context.origin === 'remote' && isSealed && line !== text) resend(ours ?? joined, context);
  if (!isNews) return 'unchanged';
  return ours === undefined ? 'created' : 'updated';
}

/** Two issues with one id become two issues. The moved one is written first, so a failure in between loses nothing. */
function separate(
  { kept, moved }: { kept: IssueState; moved: IssueState },
  { ours, theirs }: { ours: IssueState | undefined; theirs: IssueState },
  context: VersionContext,
): 'created' | 'updated' | 'unchanged' {
  const { store, origin, nowMs, report } = context;
  const known = store.issues.state(moved.id);
  const lineBefore = store.issues.line(moved.id);
  put(known, known === undefined ? moved : joinStates(known, moved), context);
  const isOursMoved = kept === theirs;
  if (known === undefined) {
    const move = { from: kept.id, to: moved.id };
    store.events.append(moved.id, { kind: 'moved', actor: '', origin, atMs: nowMs }, { ...move });
    report.moved.push(move);
    if (isOursMoved) moveOwnEdges(store, move, { nowMs });
  }
  if (isOursMoved) put(ours, kept, context);
  if (origin === 'remote') for (const state of [kept, moved]) resend(state, context);
  if (isOursMoved) return 'updated';
  if (known === undefined) return 'created';
  return store.issues.line(moved.id) === lineBefore ? 'unchanged' : 'updated';
}

function put(before: IssueState | undefined, after: IssueState, context: VersionContext): void {
  const { store, origin, nowMs, report } = context;
  const [shownBefore, shown] = [before && viewIssue(before).issue, viewIssue(after).issue];
  const kind = changeKind(shownBefore, shown);
  store.issues.put(after, { kind, actor: changedBy(kind, shown), origin, atMs: nowMs });
  if (before !== undefined) {
    logConflicts(store, { before, after }, { origin, nowMs, losses: report });
  }
}

function resend({ id, vector }: IssueState, { store }: VersionContext): void {
  const sharedCounter = (): number => counterAt(vector, store.replica.id());
  store.outbox.add(id, { sharedCounter });
}

function changeKind(before: Issue | undefined, after: Issue): ChangeKind {
  if (isDeleted(after)) return 'deleted';
  if (before === undefined) return 'created';
  if (isDeleted(before)) return 'reopened';
  if (isClosed(after) !== isClosed(before)) return isClosed(after) ? 'closed' : 'reopened';
  return 'updated';
}

/** The best guess that the record allows. */
function changedBy(kind: ChangeKind, issue: Issue): string {
  if (kind === 'created') return issue.created_by ?? issue.owner ?? '';
  if (kind === 'deleted') return issue.deleted_by ?? '';
  return issue.assignee ?? '';
}

/**
 * Points the edges that this clone made to its own issue at the new id, as this clone did not know the other
 * issue. Edges made elsewhere stay, as they may mean either.
 */
function moveOwnEdges(store: Store, { from, to }: MovedIssue, { nowMs }: { nowMs: number }): void {
  const own = store.replica.id();
  for (const { issue_id: id } of store.graph.edges(from, 'up')) {
    const state = store.issues.state(id);
    const issue = store.issues.get(id);
    if (state === undefined || issue === undefined) continue;
    const lead = (edge: Dependency): Dependency =>
      edge.depends_on_id === from && writerOf(state, edge) === own
        ? { ...edge, depends_on_id: to }
        : edge;
    const moved = { ...issue, dependencies: (issue.dependencies ?? []).map(lead) };
    store.edits.put(moved, { kind: 'updated', actor: '', origin: 'local', atMs: nowMs });
  }
}

function writerOf({ entries }: IssueState, edge: Dependency): string | undefined {
  for (const [key, siblings] of entries) {
    if (key !== 'parent' && !key.startsWith('d/')) continue;
    for (const { value, replica } of siblings) {
      const written = value as Dependency | undefined;
      if (written?.depends_on_id === edge.depends_on_id && written.type === edge.type)
        return replica;
    }
  }
  return undefined;
}
