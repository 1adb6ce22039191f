import type { IssueId } from '../issue-id.ts';
import type { Comment, Dependency } from '../issue.ts';
import { compareTimestamps, type Timestamp } from '../timestamp.ts';
import { compareDots, type Dot, type VersionVector } from './dot.ts';

/** What moves together when an issue is closed or opened: never "open with closed_at". */
export interface StatusGroup {
  readonly status: string;
  readonly closed_at?: Timestamp;
  readonly close_reason?: string;
  readonly closed_by_session?: string;
}

export interface Creation {
  readonly created_at: Timestamp;
  readonly created_by?: string;
}

export interface Deletion {
  readonly deleted: boolean;
  readonly deleted_at?: Timestamp;
  readonly deleted_by?: string;
  readonly delete_reason?: string;
  readonly original_type?: string;
  /** The version vector that the deleter knew, as text: what is not in it was edited concurrently. */
  readonly seen?: string;
}

/** The members of each group, in the order in which a line gives them back; without `seen`. */
export const GROUPS = {
  state: ['status', 'closed_at', 'close_reason', 'closed_by_session'],
  created: ['created_at', 'created_by'],
  deleted: ['deleted', 'deleted_at', 'deleted_by', 'delete_reason', 'original_type'],
} as const;

/** Those of the group's members that have a value. */
export function groupOf(name: keyof typeof GROUPS, source: object): Value {
  const group: Record<string, unknown> = {};
  for (const member of GROUPS[name]) {
    const value = (source as Record<string, unknown>)[member];
    if (value !== undefined) group[member] = value;
  }
  return group as unknown as Value;
}

/** Undefined is a register that was cleared, or a label, whose key says all. */
export type Value =
  | string
  | number
  | boolean
  | undefined
  | readonly string[]
  | StatusGroup
  | Creation
  | Deletion
  | Dependency
  | Comment;

/** One value of a key with the write it came from; several are siblings: none of their writers knew another's. */
export interface Sibling extends Dot {
  readonly value: Value;
}

/**
 * All that is known of an issue: which writes (`vector`), and which of them are alive (`entries`, by
 * the keys of field-key.ts, siblings in dot order, no key without one).
 */
export interface IssueState {
  readonly id: IssueId;
  readonly vector: VersionVector;
  readonly entries: ReadonlyMap<string, readonly Sibling[]>;
  /** The greatest `updated_at` that any of these writes was shown with. */
  readonly updatedAt: Timestamp;
}

export function emptyState(id: IssueId): IssueState {
  return { id, vector: new Map(), entries: new Map(), updatedAt: '0000-01-01T00:00:00Z' };
}

/** A total order, also where a copied replica made two writes with one dot. */
export function compareSiblings(left: Sibling, right: Sibling): number {
  const byDot = compareDots(left, right);
  if (byDot !== 0 || left.value === right.value) return byDot;
  const [leftText, rightText] = [valueText(left.value), valueText(right.value)];
  return leftText === rightText ? 0 : leftText < rightText ? -1 : 1;
}

export function isSameValue(left: Value, right: Value): boolean {
  return left === right || valueText(left) === valueText(right);
}

export function laterTimestamp(left: Timestamp, right: Timestamp): Timestamp {
  if (left === right) return left;
  const order = compareTimestamps(left, right);
  return order > 0 || (order === 0 && left > right) ? left : right;
}

function valueText(value: Value): string {
  return JSON.stringify(value) ?? '';
}
