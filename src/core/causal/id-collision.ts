import type { IssueId } from '../issue-id.ts';
import type { Comment, Dependency } from '../issue.ts';
import { timestampMs } from '../timestamp.ts';
import { kindOf } from './field-key.ts';
import { compareSiblings, type Creation, type IssueState, type Sibling } from './issue-state.ts';
import { shownIn } from './shown.ts';
import { contentName } from './text-hash.ts';

/**
 * Two issues that were created with one id by clones that did not know of each other: the earlier keeps
 * the id, the later gets one that each clone computes alike. Undefined when both are one issue, then
 * they are joined; two lifts of one classic issue are one.
 */
export function separateCollision(
  ours: IssueState,
  theirs: IssueState,
): { kept: IssueState; moved: IssueState } | undefined {
  const [mine, yours] = [shownIn(ours, 'created'), shownIn(theirs, 'created')];
  if (mine === undefined || yours === undefined || isSameBirth(mine, yours)) return undefined;
  const [kept, later] = bornMs(mine) < bornMs(yours) ? [ours, theirs] : [theirs, ours];
  const id = movedId(later.id, Math.max(bornMs(mine), bornMs(yours)));
  return { kept, moved: moveState(later, id) };
}

type Written = Pick<Sibling, 'value'>;

/**
 * One issue, though a tool may have left out who created it or spelled the instant anew. Dots say
 * nothing here: the creator of one of two issues writes to the other with the same numbers.
 */
export function isSameBirth(left: Written, right: Written): boolean {
  return bornMs(left) === bornMs(right);
}

function bornMs({ value }: Written): number {
  return timestampMs((value as Creation).created_at);
}

/**
 * Its edges and comments name the issue they belong to, and go with it. The writes stay the same ones, so
 * a line that still has the old id joins into what was moved before.
 */
function moveState(state: IssueState, id: IssueId): IssueState {
  const entries = new Map<string, readonly Sibling[]>();
  for (const [key, siblings] of state.entries) {
    const isOwned = kindOf(key) === 'comment' || kindOf(key) === 'edge' || key === 'parent';
    const moved = (sibling: Sibling): Sibling => moveValue(sibling, { from: state.id, to: id });
    entries.set(key, isOwned ? siblings.map(moved).sort(compareSiblings) : siblings);
  }
  return { ...state, id, entries };
}

/** A cleared parent has no value. */
function moveValue(sibling: Sibling, { from, to }: { from: IssueId; to: IssueId }): Sibling {
  const value = sibling.value as Dependency | Comment | undefined;
  return value?.issue_id === from ? { ...sibling, value: { ...value, issue_id: to } } : sibling;
}

/** By the instant, which is the same in all versions of the issue; an id has 200 characters at most. */
function movedId(id: IssueId, createdMs: number): IssueId {
  return `${id.slice(0, 196)}-${contentName(`${id} ${createdMs}`).slice(-3)}` as IssueId;
}
