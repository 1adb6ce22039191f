import { kindOf, keyName } from './field-key.ts';
import {
  isSameValue,
  type Deletion,
  type IssueState,
  type Sibling,
  type Value,
} from './issue-state.ts';
import { meansSame } from './same-meaning.ts';
import { hiddenSiblings, shownSibling } from './shown.ts';
import { isSameDot, covers, joinVectors, parseVector, type VersionVector } from './dot.ts';
import { isSameBirth } from './id-collision.ts';
import { viewIssue, type View } from './view.ts';
import type { Dependency } from '../issue.ts';

/**
 * Something that a person may want to decide:
 *
 * - `values`: concurrent writes of one key that differ;
 * - `edited-while-deleted`: written without knowledge of the deletion;
 * - `id-collision`: two issues were created with one id;
 * - `duplicate-dot`: two writes with one dot: a clone was copied with its replica id.
 */
export interface Conflict {
  readonly key: string;
  readonly kind: 'values' | 'edited-while-deleted' | 'id-collision' | 'duplicate-dot';
  readonly shown: Sibling;
  /** What is not shown, latest first; empty where what is shown is itself the news. */
  readonly others: readonly Sibling[];
}

/** By key: the same list on every clone with an equal state. Writing the key ends its conflict. */
export function listConflicts(state: IssueState): Conflict[] {
  const known = knownToDeleters(state);
  const { hidden } = viewIssue(state);
  return [...state.entries.keys()].sort().flatMap((key) => {
    const siblings = state.entries.get(key) ?? [];
    const shown = shownSibling(key, siblings);
    const others = hiddenSiblings(shown, siblings).filter(
      (other) => !isSameTo(key, other.value, shown.value),
    );
    const kind = hasDuplicateDot(siblings)
      ? 'duplicate-dot'
      : disagreement(key, { shown, others, hidden });
    const found: Conflict[] = kind === undefined ? [] : [{ key, kind, shown, others }];
    if (known !== undefined && key !== 'deleted') {
      const unseen = siblings.filter((sibling) => !covers(known, sibling));
      if (unseen.length > 0) found.push({ key, kind: 'edited-while-deleted', shown, others: [] });
    }
    return found;
  });
}

/** Whether `listConflicts` would list any: nearly always no, which is cheap to see. */
export function hasConflict(state: IssueState, { hidden, statusBelow }: View): boolean {
  const isPlain =
    statusBelow === undefined &&
    hidden.size === 0 &&
    [...state.entries.values()].every((siblings) => siblings.length === 1);
  return !isPlain && listConflicts(state).length > 0;
}

function disagreement(
  key: string,
  { shown, others, hidden }: Pick<Conflict, 'shown' | 'others'> & Pick<View, 'hidden'>,
): Conflict['kind'] | undefined {
  switch (kindOf(key)) {
    case 'label':
    case 'edge':
    case 'metadata_order':
    case undefined:
      return undefined;
    case 'created':
      if (others.length === 0) return undefined;
      return others.some((other) => !isSameBirth(shown, other)) ? 'id-collision' : 'values';
    case 'member':
      // Kept by key on one clone, and replaced as a whole on another.
      return hidden.has(key) || others.length > 0 ? 'values' : undefined;
    default:
      return others.length > 0 ? 'values' : undefined;
  }
}

/** Siblings are in dot order but for their time, which tells copies apart too. */
function hasDuplicateDot(siblings: readonly Sibling[]): boolean {
  return siblings.some((sibling, at) =>
    siblings.slice(at + 1).some((other) => isSameDot(sibling, other)),
  );
}

/** Says when and by whom something was done that two people did alike. */
const CIRCUMSTANCES: Readonly<Record<string, readonly string[]>> = {
  state: ['closed_at'],
  deleted: ['deleted_at', 'deleted_by', 'seen'],
  parent: ['created_at', 'created_by'],
};

/** Two people who close, delete or move one issue alike do not disagree; nor do two numbers of one comment. */
function isSameTo(key: string, left: Value, right: Value): boolean {
  if (kindOf(key) === 'comment') return meansSame(key, left, right);
  const ignored = CIRCUMSTANCES[key] ?? [];
  return isSameValue(without(left, ignored), without(right, ignored));
}

function without(value: Value, members: readonly string[]): Value {
  if (typeof value !== 'object' || members.length === 0) return value;
  const kept = Object.entries(value).filter(([member]) => !members.includes(member));
  return Object.fromEntries(kept) as unknown as Value;
}

/** All writes that some living deletion knew, or undefined if the issue is not deleted. */
function knownToDeleters({ entries }: IssueState): VersionVector | undefined {
  const known = (entries.get('deleted') ?? [])
    .map(({ value }) => value as Deletion)
    .filter(({ deleted }) => deleted)
    .map(({ seen = '' }): VersionVector => parseVector(seen) ?? new Map());
  return known.length === 0 ? undefined : known.reduce(joinVectors);
}

/**
 * A value as JSON data: a text, a number, an object for what moves together, the target for a parent.
 * Null is what was cleared.
 */
export function valueToJson(key: string, value: Value): unknown {
  const kind = kindOf(key);
  if (kind === 'label') return keyName(key);
  if (value === undefined) return null;
  switch (kind) {
    case 'unknown':
    case 'member':
    case 'metadata':
      return JSON.parse(value as string) as unknown;
    case 'parent':
      return (value as Dependency).depends_on_id;
    case 'deleted': {
      const { seen: _seen, ...deletion } = value as Deletion;
      return deletion;
    }
    default:
      return value;
  }
}
