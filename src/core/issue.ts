import type { IssueId } from './issue-id.ts';
import type { Timestamp } from './timestamp.ts';

export const STATUSES = [
  'open',
  'in_progress',
  'blocked',
  'deferred',
  'closed',
  'pinned',
  'hooked',
] as const;

export const ISSUE_TYPES = ['bug', 'feature', 'task', 'epic', 'chore', 'decision'] as const;

const TYPE_ALIASES: Readonly<Record<string, string>> = { enhancement: 'feature', feat: 'feature' };

/** Texts of several lines; two versions of one can be merged line by line. */
export const LONG_TEXTS = ['description', 'design', 'acceptance_criteria', 'notes'] as const;

export type LongText = (typeof LONG_TEXTS)[number];

export const PRIORITY_MIN = 0;
export const PRIORITY_MAX = 4;
export const PRIORITY_DEFAULT = 2;

/** The status of a deleted issue; its line stays, so that no other clone brings the issue back. */
export const TOMBSTONE = 'tombstone';

export interface Dependency {
  issue_id: string;
  depends_on_id: string;
  type: string;
  created_at?: Timestamp;
  created_by?: string;
  metadata?: string;
  thread_id?: string;
}

export interface Comment {
  /** A number in classic files, any text in newer ones; never used to tell comments apart. */
  id: number | string;
  issue_id?: string;
  author: string;
  text: string;
  created_at: Timestamp;
}

/**
 * The classic record, with its wire names. Keys that bd does not interpret are in `opaque` as the
 * JSON text they were read with, so they survive every path byte for byte.
 */
export interface Issue {
  id: IssueId;
  title: string;
  description?: string;
  design?: string;
  acceptance_criteria?: string;
  notes?: string;
  spec_id?: string;
  status: string;
  priority: number;
  issue_type: string;
  assignee?: string;
  owner?: string;
  estimated_minutes?: number;
  created_at: Timestamp;
  created_by?: string;
  updated_at: Timestamp;
  closed_at?: Timestamp;
  close_reason?: string;
  closed_by_session?: string;
  due_at?: Timestamp;
  defer_until?: Timestamp;
  external_ref?: string;
  labels?: readonly string[];
  dependencies?: readonly Dependency[];
  comments?: readonly Comment[];
  deleted_at?: Timestamp;
  deleted_by?: string;
  delete_reason?: string;
  original_type?: string;
  ephemeral?: boolean;
  pinned?: boolean;
  is_template?: boolean;
  opaque?: Readonly<Record<string, string>>;
}

export function isDeleted(issue: Pick<Issue, 'status'>): boolean {
  return issue.status === TOMBSTONE;
}

/** The fields in which two versions differ; an empty list is as good as none. */
export function changedFields(before: Issue, after: Issue): (keyof Issue)[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof Issue>;
  return [...keys].filter(
    (key) => JSON.stringify(before[key] ?? []) !== JSON.stringify(after[key] ?? []),
  );
}

/** Whether two records hold the very same values: equal objects that are not the same make a difference. */
export function isSameRecord(left: Issue, right: Issue): boolean {
  return haveSameMembers(left, right, haveSameMembers);
}

function haveSameMembers(
  left: unknown,
  right: unknown,
  isSame: (left: unknown, right: unknown) => boolean = () => false,
): boolean {
  if (typeof left !== 'object' || typeof right !== 'object' || !left || !right) return false;
  const [ours, theirs] = [left, right] as Record<string, unknown>[];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => ours?.[key] === theirs?.[key] || isSame(ours?.[key], theirs?.[key]))
  );
}

export function isClosed(issue: Pick<Issue, 'status'>): boolean {
  return issue.status === 'closed';
}

/** The type's own name for an alias (`feat` → `feature`); other names pass. */
export function canonicalIssueType(name: string): string {
  return TYPE_ALIASES[name] ?? name;
}

/** `0`–`4` or `P0`–`P4`; undefined for anything else. */
export function parsePriority(text: string): number | undefined {
  return /^[Pp]?[0-4]$/.test(text) ? Number(text.at(-1)) : undefined;
}

/** Labels as a set: each once, in byte order. */
export function labelSet(labels: Iterable<string>): string[] {
  return [...new Set(labels)].sort(compareBytes);
}

/**
 * UTF-8 byte order, which is SQLite's BINARY order and git's; UTF-16 order differs above U+FFFF. Texts
 * that differ are never equal, also where they hold half a character, which UTF-8 cannot tell.
 */
export function compareBytes(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const [first, second] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (first !== second) return byteRank(first) - byteRank(second);
  }
  return left.length - right.length;
}

/** Halves of the characters above U+FFFF come last. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
