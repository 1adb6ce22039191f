import type { Timestamp } from './timestamp.ts';

/** Wire names, as in the record. */
interface Conditions {
  ids: readonly string[];
  statuses: readonly string[];
  exclude_statuses: readonly string[];
  priority: number;
  priority_min: number;
  priority_max: number;
  issue_type: string;
  assignee: string;
  no_assignee: boolean;
  /** All of them. */
  labels: readonly string[];
  /** At least one of them. */
  labels_any: readonly string[];
  no_labels: boolean;
  /** Children of this issue, by their `parent-child` edge. */
  parent_id: string;
  /** In the id, title or any long text, whatever the case. */
  text: string;
  title_contains: string;
  description_contains: string;
  notes_contains: string;
  empty_description: boolean;
  created_after: Timestamp;
  created_before: Timestamp;
  updated_after: Timestamp;
  updated_before: Timestamp;
  closed_after: Timestamp;
  closed_before: Timestamp;
  due_after: Timestamp;
  due_before: Timestamp;
  deferred: boolean;
  pinned: boolean;
  /** Blocked by an open issue, itself or through an ancestor. */
  blocked: boolean;
  /** Open, unblocked, and not deferred beyond this time, pinned, ephemeral, a template or part of a molecule. */
  ready_at_ms: number;
}

/** Which issues: every given condition must hold; deleted ones are found only by `statuses` or `ids`. */
export type IssueFilter = { [Name in keyof Conditions]?: Conditions[Name] | undefined };

export const SORT_NAMES = [
  'priority',
  'created',
  'updated',
  'closed',
  'status',
  'id',
  'title',
  'type',
  'assignee',
  'hybrid',
  'oldest',
] as const;

/** `hybrid`: the last two days by priority, then the rest by age. */
export type SortName = (typeof SORT_NAMES)[number];

export interface IssueOrder {
  sort: SortName;
  reverse?: boolean;
}

export const COUNT_GROUPS = ['status', 'priority', 'type', 'assignee', 'label'] as const;

export type CountGroup = (typeof COUNT_GROUPS)[number];
