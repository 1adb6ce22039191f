import { isRecord } from '../issue-line.ts';
import { isParentType } from '../dependency.ts';
import { compareTimestamps, isTimestamp } from '../timestamp.ts';
import { kindOf } from './field-key.ts';
import type { Value } from './issue-state.ts';
import { withoutBlanks } from './metadata-members.ts';

/**
 * Whether another tool that read one value may have written the other without meaning a change: it
 * spells instants anew, leaves out what is empty, sets blanks in JSON, numbers comments for itself.
 */
export function meansSame(key: string, left: Value, right: Value): boolean {
  const kind = kindOf(key);
  if (kind === 'unknown' || kind === 'metadata' || kind === 'member') {
    return textOf(left) === textOf(right);
  }
  if (kind === 'comment') return isSameRecord(left, right, ['id', 'issue_id']);
  if (kind === 'parent') return isSameRecord(left, right, ['type']) && isParentPair(left, right);
  if (kind === 'deleted') return isSameRecord(left, right, ['seen']);
  return isSameRecord(left, right, []);
}

function textOf(value: Value): string | undefined {
  return typeof value === 'string' ? withoutBlanks(value) : undefined;
}

/** Two names of one type. */
function isParentPair(left: Value, right: Value): boolean {
  return [left, right].every(
    (value) => typeof value !== 'object' || isParentType((value as { type: string }).type),
  );
}

function isSameRecord(left: unknown, right: unknown, ignored: readonly string[]): boolean {
  if (!isRecord(left) || !isRecord(right)) return isSameScalar(left, right);
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every(
    (name) => ignored.includes(name) || isSameScalar(left[name], right[name]),
  );
}

function isSameScalar(left: unknown, right: unknown): boolean {
  if (left === right || (isEmpty(left) && isEmpty(right))) return true;
  if (typeof left === 'string' && typeof right === 'string') {
    return isTimestamp(left) && isTimestamp(right) && compareTimestamps(left, right) === 0;
  }
  return isNested(left) && isNested(right) && JSON.stringify(left) === JSON.stringify(right);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || value === false;
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
