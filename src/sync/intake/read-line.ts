import { decodeLine } from '../../core/causal/decode-line.ts';
import { separateCollision } from '../../core/causal/id-collision.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { joinStates } from '../../core/causal/join.ts';
import { liftFirst, liftIssue, liftStranger } from '../../core/causal/lift.ts';
import { mergeConcurrentTexts } from '../../core/causal/concurrent-texts.ts';
import { viewIssue } from '../../core/causal/view.ts';
import type { Issue } from '../../core/issue.ts';
import { timestampAt, timestampMs } from '../../core/timestamp.ts';
import type { Store } from '../../store/store.ts';
import { earlierStates, type FindBase, type ForeignLine } from './line-base.ts';

export interface LineContext {
  store: Store;
  findBase: FindBase;
  /** The time for a line without one. */
  nowMs: number;
  /** No other clone sees this line, so its changes are this clone's own writes. */
  isOwn: boolean;
}

/** What a line says of an issue. */
export type LineNews =
  | { kind: 'unreadable'; problem: string }
  | { kind: 'nothing'; isEdited: boolean }
  | {
      kind: 'version';
      /** bd wrote the line. */
      isSealed: boolean;
      /** bd wrote the line, and another program changed it since. */
      isEdited: boolean;
      ours: IssueState | undefined;
      theirs: IssueState;
    };

/** Compares a line with what the store holds of its issue. */
export function readLine(text: string, context: LineContext): LineNews {
  const { store, nowMs } = context;
  const decoded = decodeLine(text, nowMs);
  if (decoded.kind === 'unreadable') return decoded;
  if (decoded.kind === 'sealed') {
    const ours = store.issues.state(decoded.state.id);
    return { kind: 'version', isSealed: true, isEdited: false, ours, theirs: decoded.state };
  }
  const ours = store.issues.state(decoded.issue.id);
  const issue = ours === undefined ? decoded.issue : withKnownTimes(decoded, { ours, nowMs });
  const theirs = lift({ ...decoded, issue }, ours, context);
  const isEdited = decoded.seal !== undefined;
  return theirs === undefined
    ? { kind: 'nothing', isEdited }
    : { kind: 'version', isSealed: false, isEdited, ours, theirs };
}

/** What the store should hold then: two issues, if both were created with one id. */
export function joinVersions(
  store: Store,
  ours: IssueState | undefined,
  theirs: IssueState,
): { joined: IssueState } | { kept: IssueState; moved: IssueState } {
  if (ours === undefined) return { joined: theirs };
  const separate = separateCollision(ours, theirs);
  if (separate !== undefined) return separate;
  const bases = earlierStates(store, ours.id);
  return { joined: mergeConcurrentTexts(joinStates(ours, theirs), { ours, theirs, bases }) };
}

function lift(
  foreign: ForeignLine,
  ours: IssueState | undefined,
  { findBase, isOwn, store, nowMs }: LineContext,
): IssueState | undefined {
  const { issue } = foreign;
  if (ours !== undefined && isOtherIssue(foreign, ours)) return liftFirst(issue);
  const base = findBase(foreign);
  if (base !== undefined) {
    return liftIssue(base, issue, {
      ...(ours === undefined ? {} : { current: ours }),
      ...(isOwn ? { local: { replica: store.replica.id(), nowMs } } : {}),
    });
  }
  return ours === undefined ? liftFirst(issue) : liftStranger(ours, issue);
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
