import { WRITE_MS_MAX } from '../limits.ts';
import {
  type Dot,
  counterAt,
  covers,
  formatVector,
  parseVector,
  type VersionVector,
} from './dot.ts';
import { isElement } from './field-key.ts';
import { compareSiblings, type Deletion, type IssueState, type Sibling } from './issue-state.ts';

export interface ReplicaChange {
  /** Whose writes with a counter above `after` this clone made and never shared. */
  readonly from: string;
  readonly after: number;
  /** Whose they become; it occurs nowhere in the state. */
  readonly to: string;
}

/**
 * Gives a clone's own writes a new writer, because another copy of its database made other writes with
 * the same dots. It is the state as it would be had the clone had its new name when it made them, so it
 * can be done before a join or after it. Times and values stay.
 */
export function renameReplica(state: IssueState, change: ReplicaChange): IssueState {
  if (counterAt(state.vector, change.from) <= change.after) return state;
  const entries = new Map<string, readonly Sibling[]>();
  for (const [key, siblings] of state.entries) {
    const renamed = siblings.map((sibling) => renameSibling(key, { sibling, change }));
    entries.set(key, renamed.sort(compareSiblings));
  }
  return { ...state, vector: renameInVector(state.vector, change), entries };
}

/**
 * Whether our history with `replica` is not the one that theirs knows: the database was copied or
 * restored, and one dot names two writes. A join must not see that, as it takes what one side lacks
 * of what it claims to know for overwritten, and drops it. The signs are:
 *
 * - it knows more of our writes than we have made;
 * - a write of ours that they claim to know is not alive there as we made it. No one can have overwritten
 *   it, as up to `after` is all that was shared. If it was shared without our knowing, the alarm is false
 *   and costs a conflict that a person sees; a missed one would cost an edit;
 * - a write of theirs that we claim to know, and have nothing later of its key. What a removal
 *   leaves cannot be told from what never was, so elements of sets and tombstones say nothing here, nor
 *   does a key that we wrote later: where a copy can be seen in the file system, it is found there first.
 */
export function divergedFrom(
  ours: IssueState,
  theirs: IssueState,
  { replica, after }: { replica: string; after: number },
): boolean {
  if (counterAt(theirs.vector, replica) > counterAt(ours.vector, replica)) return true;
  const isDoubtful = (dot: Dot): boolean => dot.replica === replica && dot.counter > after;
  return (
    someSibling(
      ours,
      (key, sibling) =>
        isDoubtful(sibling) && covers(theirs.vector, sibling) && !isAlive(theirs, key, sibling),
    ) ||
    someSibling(
      theirs,
      (key, sibling) =>
        isDoubtful(sibling) && !isAlive(ours, key, sibling) && !isReplaceable(ours, key, sibling),
    )
  );
}

function renameSibling(
  key: string,
  { sibling, change }: { sibling: Sibling; change: ReplicaChange },
): Sibling {
  const { replica, counter, ms } = sibling;
  const value = key === 'deleted' ? renameSeen(sibling.value as Deletion, change) : sibling.value;
  const isRenamed = replica === change.from && counter > change.after;
  if (!isRenamed) return value === sibling.value ? sibling : { ...sibling, value };
  return { replica: change.to, counter: counter - change.after, ms, value };
}

function renameSeen(deletion: Deletion, change: ReplicaChange): Deletion {
  const seen = parseVector(deletion.seen ?? '');
  if (seen === undefined || counterAt(seen, change.from) <= change.after) return deletion;
  return { ...deletion, seen: formatVector(renameInVector(seen, change)) };
}

/** Of a vector that knows more than `after`. */
function renameInVector(vector: VersionVector, { from, after, to }: ReplicaChange): VersionVector {
  const renamed = new Map(vector).set(to, counterAt(vector, from) - after);
  if (after > 0) renamed.set(from, after);
  else renamed.delete(from);
  return renamed;
}

function someSibling(
  { entries }: IssueState,
  matches: (key: string, sibling: Sibling) => boolean,
): boolean {
  for (const [key, siblings] of entries) {
    if (siblings.some((sibling) => matches(key, sibling))) return true;
  }
  return false;
}

function isAlive({ entries }: IssueState, key: string, wanted: Sibling): boolean {
  return (entries.get(key) ?? []).some((sibling) => compareSiblings(sibling, wanted) === 0);
}

/**
 * Whether this state can have overwritten the sibling: a write is later than all that it overwrites, but
 * not than what was dropped from a tombstone.
 */
function isReplaceable({ entries }: IssueState, key: string, { ms }: Sibling): boolean {
  if (isElement(key) || entries.has('deleted')) return true;
  const later = (sibling: Sibling): boolean => sibling.ms >= Math.min(ms + 1, WRITE_MS_MAX);
  return entries.get(key)?.some(later) === true;
}
