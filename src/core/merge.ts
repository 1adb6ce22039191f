import { encodeIssueLine } from './issue-line.ts';
import { compareBytes, isDeleted, type Issue } from './issue.ts';
import { compareTimestamps } from './timestamp.ts';

/**
 * Joins two versions of one issue: a tombstone beats an edit, else the newest `updated_at` is kept
 * whole, else the greater line. Commutative, associative and idempotent, so clones that saw the
 * same versions agree in whatever order they came.
 */
export function mergeIssues(ours: Issue, theirs: Issue): Issue {
  return rank(theirs, ours) > 0 ? theirs : ours;
}

function rank(left: Issue, right: Issue): number {
  return (
    Number(isDeleted(left)) - Number(isDeleted(right)) ||
    compareTimestamps(left.updated_at, right.updated_at) ||
    compareBytes(encodeIssueLine(left), encodeIssueLine(right))
  );
}
