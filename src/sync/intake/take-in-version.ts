import { listConflicts } from '../../core/causal/conflicts.ts';
import { encodeIssue, type EncodedIssue, type ReadRecord } from '../../core/causal/causal-line.ts';
import { mergeConcurrentTexts } from '../../core/causal/concurrent-texts.ts';
import { decodeLine } from '../../core/causal/decode-line.ts';
import { counterAt, isSameDot } from '../../core/causal/dot.ts';
import { fieldName } from '../../core/causal/field-key.ts';
import { separateCollision } from '../../core/causal/id-collision.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { joinStates } from '../../core/causal/join.ts';
import { liftFirst, liftIssue, liftStranger } from '../../core/causal/lift.ts';
import { shownIn } from '../../core/causal/shown.ts';
import { viewIssue } from '../../core/causal/view.ts';
import { encodeIssueLine } from '../../core/issue-line.ts';
import { isClosed, isDeleted, type Dependency, type Issue } from '../../core/issue.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { timestampAt, timestampMs } from '../../core/timestamp.ts';
import type { ChangeKind, Origin } from '../../store/event-log.ts';
import type { Store } from '../../store/store.ts';
import type { JoinEffects, LostClaim, MovedIssue } from './join-news.ts';
import { earlierStates, type FindBase, type ForeignLine } from './line-base.ts';
import { isWrittenElsewhere, renameOwnWrites } from './own-writes.ts';

export interface LineContext {
  store: Store;
  /** Where the line comes from: the mirror, an imported file, or another clone. */
  origin: Exclude<Origin, 'local'>;
  /** Finds what an unsealed line was made from. */
  findBase: FindBase;
  nowMs: number;
  report: JoinEffects;
}

/** What a line says of an issue. */
interface Version {
  text: string;
  /** bd wrote the line. */
  isSealed: boolean;
  /** bd wrote the line, and another program changed it since. */
  isEdited: boolean;
  ours: IssueState | undefined;
  /** Undefined when the line says nothing that is not known. */
  theirs: IssueState | undefined;
  /** The record of a line that is not sealed. */
  read?: ReadRecord;
}

type Outcome = 'created' | 'updated' | 'unchanged';

/** Compares a line with what the store holds of its issue. */
export function readLine(text: string, context: LineContext): Version | { problem: string } {
  const { store, origin } = context;
  // The time for a line without one; every clone that reads it on the branch must use the same.
  const nowMs = origin === 'remote' ? 0 : context.nowMs;
  const decoded = decodeLine(text, nowMs);
  if (decoded.kind === 'unreadable') return decoded;
  if (decoded.kind === 'sealed') {
    const { state: theirs } = decoded;
    const ours = store.issues.state(theirs.id);
    return { text, isSealed: true, isEdited: false, ours, theirs };
  }
  const ours = store.issues.state(decoded.issue.id);
  const issue = ours === undefined ? decoded.issue : withKnownTimes(decoded, { ours, nowMs });
  const read = { issue, classic: encodeIssueLine(issue) };
  const theirs = lift({ ...decoded, ...read }, ours, context);
  return { text, isSealed: false, isEdited: decoded.seal !== undefined, ours, theirs, read };
}

/** Joins one version of an issue into the store. */
export function takeInVersion(version: Version, context: LineContext): Outcome {
  const { store, nowMs, origin } = context;
  const { text, isSealed, theirs } = version;
  let { ours } = version;
  if (theirs === undefined) return 'unchanged';
  if (ours !== undefined && isSealed && isWrittenElsewhere(store, ours, theirs)) {
    renameOwnWrites(store, nowMs);
    ours = store.issues.state(ours.id);
  }
  const collision = ours && separateCollision(ours, theirs);
  if (collision !== undefined) return separate(collision, { ours, theirs }, context);
  const joined = ours === undefined ? theirs : joinVersions(store, ours, theirs);
  const encoded = encodeIssue(joined, ours === undefined ? version.read : undefined);
  const { line } = encoded;
  const isNews = store.issues.line(joined.id) !== line;
  const isRead = encoded.readsBack || (isSealed && line === text);
  if (isNews) put(ours, { ...encoded, readsBack: isRead }, context);
  // The sender lacks some of our writes; queue the joined state.
  if (origin === 'remote' && isSealed && line !== text) resend(ours ?? joined, context);
  if (!isNews) return 'unchanged';
  return ours === undefined ? 'created' : 'updated';
}

function joinVersions(store: Store, ours: IssueState, theirs: IssueState): IssueState {
  const bases = earlierStates(store, ours.id);
  return mergeConcurrentTexts(joinStates(ours, theirs), { ours, theirs, bases });
}

function lift(
  foreign: ForeignLine & ReadRecord,
  ours: IssueState | undefined,
  { findBase, origin, store, nowMs }: LineContext,
): IssueState | undefined {
  const { issue, classic } = foreign;
  if (ours !== undefined && isOtherIssue(foreign, ours)) return liftFirst(issue, classic);
  const base = findBase(foreign);
  if (base !== undefined) {
    // No other clone sees a line of the mirror, so its changes are this clone's own writes.
    const local = origin === 'mirror' ? { replica: store.replica.id(), nowMs } : undefined;
    return liftIssue(base, issue, omitUndefined({ current: ours, local }));
  }
  return ours === undefined ? liftFirst(issue, classic) : liftStranger(ours, issue);
}

/** Created at another time with the same id. Some tools cut times to the second. */
function isOtherIssue({ issue, seal }: ForeignLine, ours: IssueState): boolean {
  const bornMs = timestampMs(viewIssue(ours).issue.created_at);
  return seal === undefined && Math.abs(timestampMs(issue.created_at) - bornMs) >= 1_000;
}

/** A line without `created_at` means the same issue; one without `updated_at` was written now. */
function withKnownTimes(
  { issue, record }: { issue: Issue; record: string },
  { ours, nowMs }: { ours: IssueState; nowMs: number },
): Issue {
  const { created_at: createdAt, updated_at: updatedAt } = JSON.parse(record) as Partial<Issue>;
  return {
    ...issue,
    created_at: createdAt ?? viewIssue(ours).issue.created_at,
    updated_at: updatedAt ?? timestampAt(nowMs),
  };
}

/** Two issues with one id become two issues. The moved one is written first, so a failure in between loses nothing. */
function separate(
  { kept, moved }: { kept: IssueState; moved: IssueState },
  { ours, theirs }: { ours: IssueState | undefined; theirs: IssueState },
  context: LineContext,
): Outcome {
  const { store, origin, nowMs, report } = context;
  const known = store.issues.state(moved.id);
  const lineBefore = store.issues.line(moved.id);
  put(known, encodeIssue(known === undefined ? moved : joinStates(known, moved)), context);
  const isOursMoved = kept === theirs;
  if (known === undefined) {
    const move = { from: kept.id, to: moved.id };
    store.events.append(moved.id, { kind: 'moved', actor: '', origin, atMs: nowMs }, { ...move });
    report.moved.push(move);
    if (isOursMoved) moveOwnEdges(store, move, nowMs);
  }
  if (isOursMoved) put(ours, encodeIssue(kept), context);
  if (origin === 'remote') for (const state of [kept, moved]) resend(state, context);
  if (isOursMoved) return 'updated';
  if (known === undefined) return 'created';
  return store.issues.line(moved.id) === lineBefore ? 'unchanged' : 'updated';
}

function put(before: IssueState | undefined, encoded: EncodedIssue, context: LineContext): void {
  const { store, origin, nowMs } = context;
  const { state: after, view } = encoded;
  const kind = changeKind(before && viewIssue(before).issue, view.issue);
  store.issues.put(encoded, { kind, actor: changedBy(kind, view.issue), origin, atMs: nowMs });
  if (before !== undefined) logConflicts({ before, after }, context);
}

function resend({ id, vector }: IssueState, { store }: LineContext): void {
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
function moveOwnEdges(store: Store, { from, to }: MovedIssue, nowMs: number): void {
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

/** Logs new conflicts as events, and reports what users should know at once. */
function logConflicts(
  { before, after }: { before: IssueState; after: IssueState },
  { store, origin, nowMs, report }: LineContext,
): void {
  const known = new Set(listConflicts(before).map(({ key }) => key));
  const news = listConflicts(after).filter(({ key }) => !known.has(key));
  const event = { origin, actor: '', atMs: nowMs };
  if (news.length > 0) {
    const fields = [...new Set(news.map(({ key }) => fieldName(key)))];
    store.events.append(after.id, { ...event, kind: 'conflicted' }, { fields });
  }
  if (news.some(({ kind }) => kind === 'duplicate-dot')) report.doubled.push(after.id);
  const lost = lostClaim(before, after, store.replica.id());
  if (lost === undefined) return;
  const { winner, loser } = lost;
  store.events.append(after.id, { ...event, kind: 'claim_lost', actor: loser }, { winner, loser });
  report.lostClaims.push(lost);
}

/** Our claim was shown and still exists, and an earlier one is shown instead. */
function lostClaim(before: IssueState, after: IssueState, replica: string): LostClaim | undefined {
  const [ours, theirs] = [shownIn(before, 'claim'), shownIn(after, 'claim')];
  if (ours === undefined || theirs === undefined || ours.replica !== replica) return undefined;
  const isKept = after.entries.get('claim')?.some((sibling) => isSameDot(sibling, ours)) === true;
  const [loser, winner] = [ours.value ?? '', theirs.value ?? ''] as [string, string];
  if (!isKept || isSameDot(ours, theirs) || loser === winner || loser === '') return undefined;
  return { issueId: after.id, winner, loser };
}
