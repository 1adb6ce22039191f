import type { IssueId } from '../issue-id.ts';
import { compareTimestamps } from '../timestamp.ts';
import { compareSiblings, type Creation, type IssueState, type Sibling } from './issue-state.ts';
import { formatDot } from './dot.ts';
import { shownSibling } from './shown.ts';
import { contentName } from './text-hash.ts';
import { covers } from './version-vector.ts';

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
  if (mine === undefined || yours === undefined) return undefined;
  if (covers(theirs.vector, mine) || covers(ours.vector, yours)) return undefined;
  if (isSameBirth(mine, yours)) return undefined;
  const isOursEarlier = compareSiblings(mine, yours) < 0;
  const [kept, later] = isOursEarlier ? [ours, theirs] : [theirs, ours];
  return { kept, moved: { ...later, id: movedId(later.id, isOursEarlier ? yours : mine) } };
}

/** One issue, though a tool may have left out who created it or spelled the instant anew. */
export function isSameBirth(left: Sibling, right: Sibling): boolean {
  const [first, second] = [left.value as Creation, right.value as Creation];
  return compareTimestamps(first.created_at, second.created_at) === 0;
}

function creationOf({ entries }: IssueState): Sibling | undefined {
  const siblings = entries.get('created');
  return siblings === undefined ? undefined : shownSibling('created', siblings);
}

/** Three characters of the creation's name. */
function movedId(id: IssueId, creation: Sibling): IssueId {
  return `${id}-${contentName(formatDot(creation)).slice(-3)}` as IssueId;
}
