import { LONG_TEXTS, type LongText } from '../issue.ts';
import { TEXT_CHARS_MAX, TEXT_MERGE_REPLICAS_MAX } from '../limits.ts';
import { compareDots, formatDot, isSameDot, counterAt, covers, isWithin } from './dot.ts';
import { isSameValue, type IssueState, type Sibling } from './issue-state.ts';
import { deletionIn } from './shown.ts';
import { contentName } from './text-hash.ts';
import { mergeAppended, mergeTexts } from './text-merge.ts';
import { applyWrites } from './write.ts';

interface Versions {
  readonly ours: IssueState;
  readonly theirs: IssueState;
  /** Earlier states of the issue that are known here, newest first. */
  readonly bases: Iterable<IssueState>;
}

/**
 * Ends the conflicts of long texts in the join of two states where two people changed different
 * lines of one text, or both added at its end, by writing what they made of it together. The write
 * depends on the two texts and the one they were made from only, so clones that each make it make
 * the same one. A deleted issue stays as it is: its deleter did not know of the write.
 */
export function mergeConcurrentTexts(joined: IssueState, versions: Versions): IssueState {
  const found = LONG_TEXTS.flatMap((key) => {
    const pair = concurrentPair(joined, key, versions);
    return pair === undefined ? [] : [{ key, pair }];
  });
  if (found.length === 0 || deletionIn(joined) !== undefined) return joined;
  if (joined.vector.size >= TEXT_MERGE_REPLICAS_MAX) return joined;
  const bases = [...versions.bases];
  return found.reduce((state, { key, pair }) => {
    const base = baseText(key, { ...versions, bases });
    const value = base === undefined ? undefined : mergedText(key, { base, pair });
    if (value === undefined) return state;
    const name = JSON.stringify([key, ...pair.map(formatDot), value]);
    return applyWrites(state, [{ key, value }], { replica: contentName(name), nowMs: 0 });
  }, joined);
}

type Pair = readonly [Sibling, Sibling];

/** The two texts in dot order, each all that one side has. */
function concurrentPair(
  { entries }: IssueState,
  key: LongText,
  { ours, theirs }: Versions,
): Pair | undefined {
  if (entries.get(key)?.length !== 2) return undefined;
  const [mine, yours] = [onlySibling(ours, key), onlySibling(theirs, key)];
  if (mine === undefined || yours === undefined || isSameValue(mine.value, yours.value)) {
    return undefined;
  }
  return compareDots(mine, yours) < 0 ? [mine, yours] : [yours, mine];
}

/**
 * The text that both were made from: what was alive in a state that knows every write known to both
 * sides. A state that lacks one of those may be older than where they parted; against it a change that
 * one side took back looks like one it never made, and would come in again. When such a state is known
 * to both and does not have the key, they began with nothing.
 */
function baseText(key: LongText, { ours, theirs, bases }: Versions): string | undefined {
  for (const base of bases) {
    if (!knowsAllShared(base, { ours, theirs })) continue;
    if (!base.entries.has(key)) {
      if (isWithin(base.vector, ours.vector) && isWithin(base.vector, theirs.vector)) return '';
      continue;
    }
    const only = onlySibling(base, key);
    if (only !== undefined && isReplaced(key, only, ours) && isReplaced(key, only, theirs)) {
      return textOf(only);
    }
  }
  return undefined;
}

function mergedText(
  key: LongText,
  { base, pair: [first, second] }: { base: string; pair: Pair },
): string | undefined {
  const [earlier, later] = [textOf(first), textOf(second)];
  // Two first notes are two notes, but two first descriptions say the same in other words.
  const canAppend = base !== '' || key === 'notes';
  const merged =
    mergeTexts(base, earlier, later) ??
    (canAppend ? mergeAppended(base, earlier, later) : undefined);
  return merged === undefined || merged.length > TEXT_CHARS_MAX ? undefined : merged;
}

function knowsAllShared(
  { vector }: IssueState,
  { ours, theirs }: Pick<Versions, 'ours' | 'theirs'>,
): boolean {
  return [...ours.vector].every(
    ([replica, counter]) =>
      Math.min(counter, counterAt(theirs.vector, replica)) <= counterAt(vector, replica),
  );
}

/** A write that is known and no longer alive was seen by the writer of what is alive. */
function isReplaced(key: LongText, sibling: Sibling, { vector, entries }: IssueState): boolean {
  const alive = entries.get(key) ?? [];
  return covers(vector, sibling) && !alive.some((other) => isSameDot(other, sibling));
}

function onlySibling({ entries }: IssueState, key: LongText): Sibling | undefined {
  const [only, ...others] = entries.get(key) ?? [];
  return others.length === 0 ? only : undefined;
}

/** A cleared text is an empty one. */
function textOf({ value }: Sibling): string {
  return typeof value === 'string' ? value : '';
}
