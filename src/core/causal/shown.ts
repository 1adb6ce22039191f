import {
  compareSiblings,
  type Deletion,
  type IssueState,
  type Sibling,
  type StatusGroup,
} from './issue-state.ts';

/** Among concurrent statuses the further one is shown; names that bd does not know rank with `blocked`. */
const STATUS_RANK: Readonly<Record<string, number>> = {
  open: 0,
  blocked: 1,
  deferred: 1,
  in_progress: 2,
  hooked: 2,
  closed: 3,
};

const UNKNOWN_STATUS_RANK = 1;

/**
 * Which sibling is shown. Only the siblings decide, never this clone's clock, so all clones show the
 * same one. `siblings` is not empty.
 */
export function shownSibling(key: string, siblings: readonly Sibling[]): Sibling {
  const [first] = siblings;
  if (siblings.length === 1 && first !== undefined) return first;
  const before = orderOf(key);
  return siblings.reduce((best, sibling) => (before(sibling, best) > 0 ? sibling : best));
}

/** The same for a key of a state that may not have it. */
export function shownIn({ entries }: IssueState, key: string): Sibling | undefined {
  const siblings = entries.get(key);
  return siblings && shownSibling(key, siblings);
}

/** The deletion that is shown; undefined when the issue is not deleted. */
export function deletionIn(state: IssueState): Sibling | undefined {
  const shown = shownIn(state, 'deleted');
  return shown !== undefined && isDeletion(shown) ? shown : undefined;
}

/** The siblings that lost, latest first. */
export function hiddenSiblings(shown: Sibling, siblings: readonly Sibling[]): Sibling[] {
  return siblings.filter((sibling) => sibling !== shown).reverse();
}

type Order = (left: Sibling, right: Sibling) => number;

function orderOf(key: string): Order {
  if (key === 'state') return byStatus;
  if (key === 'claim') return byClaim;
  if (key === 'deleted') return byDeletion;
  if (key === 'created') return earliest;
  return compareSiblings;
}

const earliest: Order = (left, right) => compareSiblings(right, left);

const byStatus: Order = (left, right) =>
  statusRank(left) - statusRank(right) || compareSiblings(left, right);

/** The first claim wins; a release made meanwhile does not take it away. */
const byClaim: Order = (left, right) =>
  Number(isClaim(left)) - Number(isClaim(right)) || earliest(left, right);

const byDeletion: Order = (left, right) =>
  Number(isDeletion(left)) - Number(isDeletion(right)) || compareSiblings(left, right);

function statusRank({ value }: Sibling): number {
  const { status } = value as StatusGroup;
  return Object.hasOwn(STATUS_RANK, status)
    ? (STATUS_RANK[status] ?? UNKNOWN_STATUS_RANK)
    : UNKNOWN_STATUS_RANK;
}

function isClaim({ value }: Sibling): boolean {
  return value !== undefined && value !== '';
}

function isDeletion({ value }: Sibling): boolean {
  return (value as Deletion).deleted;
}
