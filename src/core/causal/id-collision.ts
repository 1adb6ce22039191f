import type { IssueId } from '../issue-id.ts';
import { timestampMs } from '../timestamp.ts';
import type { Creation, IssueState, Sibling } from './issue-state.ts';
import { shownSibling } from './shown.ts';
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
  const [mine, yours] = [creationOf(ours), creationOf(theirs)];
  if (mine === undefined || yours === undefined || isSameBirth(mine, yours)) return undefined;
  const [kept, later] = bornMs(mine) < bornMs(yours) ? [ours, theirs] : [theirs, ours];
  const moved = { ...later, id: movedId(later.id, Math.max(bornMs(mine), bornMs(yours))) };
  return { kept, moved };
}

type Written = Pick<Sibling, 'value'>;

/**
 * One issue, though a tool may have left out who created it or spelled the instant anew. Dots tell
 * nothing here: whoever made one of two issues writes to the other with the same numbers.
 */
export function isSameBirth(left: Written, right: Written): boolean {
  return bornMs(left) === bornMs(right);
}

function bornMs({ value }: Written): number {
  return timestampMs((value as Creation).created_at);
}

function creationOf({ entries }: IssueState): Sibling | undefined {
  const siblings = entries.get('created');
  return siblings === undefined ? undefined : shownSibling('created', siblings);
}

/** By the instant, which all versions of the issue tell alike; an id has 200 characters at most. */
function movedId(id: IssueId, createdMs: number): IssueId {
  return `${id.slice(0, 196)}-${contentName(`${id} ${createdMs}`).slice(-3)}` as IssueId;
}
