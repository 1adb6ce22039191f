import { compareSiblings, laterTimestamp, type IssueState, type Sibling } from './issue-state.ts';
import { isSameDot, covers, joinVectors, type VersionVector } from './dot.ts';

/**
 * What both know together: a value is alive if each side that knows its write has it alive.
 * Commutative, associative, idempotent, and nothing alive on one side and unknown to the other is
 * lost, so clones that saw the same writes are equal in whatever order they came (Almeida, Shoker,
 * Baquero, arXiv 1410.2803 and 1603.01529). Both states are of one issue.
 */
export function joinStates(ours: IssueState, theirs: IssueState): IssueState {
  const entries = new Map<string, readonly Sibling[]>();
  for (const [key, mine] of ours.entries) {
    const alive = joinSiblings(
      { siblings: mine, vector: ours.vector },
      { siblings: theirs.entries.get(key) ?? NONE, vector: theirs.vector },
    );
    if (alive.length > 0) entries.set(key, alive);
  }
  for (const [key, siblings] of theirs.entries) {
    if (ours.entries.has(key)) continue;
    const alive = siblings.filter((sibling) => !covers(ours.vector, sibling));
    if (alive.length > 0) entries.set(key, alive);
  }
  return {
    id: ours.id,
    vector: joinVectors(ours.vector, theirs.vector),
    entries,
    updatedAt: laterTimestamp(ours.updatedAt, theirs.updatedAt),
  };
}

interface Side {
  siblings: readonly Sibling[];
  vector: VersionVector;
}

const NONE: readonly Sibling[] = [];

function joinSiblings(ours: Side, theirs: Side): readonly Sibling[] {
  if (isSameSingle(ours.siblings, theirs.siblings)) return ours.siblings;
  const alive = [...survivors(ours, theirs), ...survivors(theirs, ours)].sort(compareSiblings);
  return alive.filter((sibling, at) => {
    const before = alive[at - 1];
    return before === undefined || compareSiblings(before, sibling) !== 0;
  });
}

/** A dot that both have survives with the payload of each: only a copied replica makes two, and both stay. */
function survivors({ siblings }: Side, other: Side): readonly Sibling[] {
  return siblings.filter(
    (sibling) =>
      !covers(other.vector, sibling) || other.siblings.some((same) => isSameDot(same, sibling)),
  );
}

/** Nearly every key of two versions of one issue: settled without making a list. */
function isSameSingle(ours: readonly Sibling[], theirs: readonly Sibling[]): boolean {
  if (ours === theirs) return true;
  const [mine] = ours;
  const [yours] = theirs;
  return (
    ours.length === 1 &&
    theirs.length === 1 &&
    mine !== undefined &&
    yours !== undefined &&
    compareSiblings(mine, yours) === 0
  );
}
