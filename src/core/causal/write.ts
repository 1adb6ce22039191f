import { WRITE_MS_MAX } from '../limits.ts';
import { compareTimestamps, timestampAfter, timestampMs, type Timestamp } from '../timestamp.ts';
import { isElement, isJsonText, isRequired, isSequenced } from './field-key.ts';
import {
  emptyState,
  groupOf,
  type Deletion,
  type IssueState,
  type Sibling,
  type Value,
} from './issue-state.ts';
import { counterAt, formatVector, type VersionVector } from './dot.ts';
import type { IssueId } from '../issue-id.ts';

/** Sets a register or adds an element; a register is cleared by the value undefined. */
export interface Put {
  readonly key: string;
  readonly value: Value;
}

export interface Remove {
  readonly key: string;
  readonly removed: true;
}

export type Write = Put | Remove;

export interface Stamp {
  /** The writer. No other state may hold writes of this replica that `state` does not know. */
  replica: string;
  nowMs: number;
  /** The `updated_at` a foreign tool gave this version; taken if it moves ours forward. */
  updatedAt?: Timestamp;
}

/**
 * Makes all writes as one event that has seen everything in the state, so each replaces all siblings
 * of its key. The event takes one dot for all its registers and labels, and one more for each edge
 * and comment; an event that only removes takes a dot too, so equal vectors mean equal states.
 */
export function applyWrites(
  state: IssueState,
  writes: readonly Write[],
  { replica, nowMs, updatedAt }: Stamp,
): IssueState {
  if (writes.length === 0) return state;
  const entries = new Map(state.entries);
  const first = counterAt(state.vector, replica) + 1;
  const last = first + writes.filter((write) => 'value' in write && isSequenced(write.key)).length;
  const vector = new Map(state.vector).set(replica, last);
  let sequenced = first;
  let latestMs = nowMs;
  for (const write of writes) {
    if ('removed' in write) {
      entries.delete(write.key);
      continue;
    }
    const counter = isSequenced(write.key) ? ++sequenced : first;
    const ms = writeMs(nowMs, entries.get(write.key) ?? []);
    latestMs = Math.max(latestMs, ms);
    const value = canonicalValue(write, vector);
    entries.set(write.key, [{ replica, counter, ms, value }]);
  }
  const shownAt = nextUpdatedAt(state.updatedAt, { nowMs: latestMs, updatedAt });
  return { id: state.id, vector, entries, updatedAt: shownAt };
}

/** The first event of an issue. */
export function createState(
  id: IssueId,
  writes: readonly Put[],
  stamp: Stamp & { updatedAt: Timestamp },
): IssueState {
  return { ...applyWrites(emptyState(id), writes, stamp), updatedAt: stamp.updatedAt };
}

/** Brings a deleted issue back. Only a writer that has seen the deletion can. */
export function restoreWrite(): Put {
  return { key: 'deleted', value: { deleted: false } };
}

/**
 * Drops the content of a deleted issue, for good and on every clone that joins it; what others wrote
 * without knowing of it comes back when it arrives. `_bd` still knows every write, so no old line
 * revives anything.
 */
export function tombstoneWrites(state: IssueState): Write[] {
  return [...state.entries.keys()]
    .filter((key) => !isRequired(key))
    .map((key) => ({ key, removed: true }));
}

/** A register is never removed but from a tombstone; everything else clears it. */
export function clearing(key: string): Write {
  return isElement(key) ? { key, removed: true } : { key, value: undefined };
}

function writeMs(nowMs: number, overwritten: readonly Sibling[]): number {
  let ms = Math.max(nowMs, 0);
  for (const sibling of overwritten) ms = Math.max(ms, sibling.ms + 1);
  return Math.min(ms, WRITE_MS_MAX);
}

/** Members in one order and none undefined, as a line gives them back. */
function canonicalValue({ key, value }: Put, vector: VersionVector): Value {
  if (key === 'state' || key === 'created') return groupOf(key, value as object);
  if (isJsonText(key)) return value === undefined ? value : onOneLine(value as string);
  if (key !== 'deleted') return value;
  const deletion = groupOf(key, value as object) as Deletion;
  return deletion.deleted ? { ...deletion, seen: formatVector(vector) } : deletion;
}

/** JSON has line breaks between its tokens only; within a text they are escaped. */
function onOneLine(json: string): string {
  return json.replace(/[\r\n]+/g, ' ');
}

/** Always forward, so that tools which keep the newest version take ours. */
function nextUpdatedAt(
  shown: Timestamp,
  { nowMs, updatedAt }: { nowMs: number; updatedAt: Timestamp | undefined },
): Timestamp {
  if (updatedAt !== undefined && compareTimestamps(updatedAt, shown) > 0) return updatedAt;
  if (timestampMs(shown) >= WRITE_MS_MAX) return shown;
  return timestampAfter(shown, Math.min(nowMs, WRITE_MS_MAX));
}
