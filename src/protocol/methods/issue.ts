import type { IssueJson } from '../../core/issue-line.ts';
import { PRIORITY_MAX, PRIORITY_MIN, type Comment } from '../../core/issue.ts';
import { NAME_CHARS_MAX, TEXT_CHARS_MAX, TITLE_CHARS_MAX } from '../../core/limits.ts';
import { COUNT_GROUPS, SORT_NAMES, type IssueFilter } from '../../core/query.ts';
import { choice, flag, integer, json, list, object, optional, text, type Shape } from '../shape.ts';
import { read, result, write } from './method.ts';

const IDS_MAX = 1_000;

export const issueId = text({ min: 1, max: NAME_CHARS_MAX });
export const actor = optional(text({ min: 1, max: NAME_CHARS_MAX }));
export const name = text({ min: 1, max: NAME_CHARS_MAX });
export const title = text({ min: 1, max: TITLE_CHARS_MAX });
/** A name, or empty to clear a field. */
export const words = text({ max: NAME_CHARS_MAX });
export const body = text({ max: TEXT_CHARS_MAX });
const names = list(name, { max: IDS_MAX });
const ids = list(issueId, { max: IDS_MAX });
export const priority = integer({ min: PRIORITY_MIN, max: PRIORITY_MAX });
const minutes = integer({ min: 0, max: 10_000_000 });
const limit = integer({ min: 0, max: 1_000_000 });

/** Times are RFC 3339 here; words like `tomorrow` are the command line's business. */
const time = text({ max: 64 });

/** What a writer may set; in `update_issue`, an empty text clears an optional field. */
const fields = {
  description: optional(body),
  design: optional(body),
  acceptance_criteria: optional(body),
  notes: optional(body),
  spec_id: optional(words),
  priority: optional(priority),
  issue_type: optional(name),
  assignee: optional(words),
  owner: optional(words),
  estimated_minutes: optional(minutes),
  external_ref: optional(words),
  due_at: optional(time),
  defer_until: optional(time),
  metadata: optional(json()),
  ephemeral: optional(flag()),
};

const newIssue = object({
  id: optional(issueId),
  title,
  ...fields,
  status: optional(name),
  labels: optional(names),
  parent: optional(issueId),
  /** `type:id` or `id`, which means `blocks`. */
  dependencies: optional(list(text({ min: 1, max: 2 * NAME_CHARS_MAX }), { max: IDS_MAX })),
});

export const issueChanges = object({
  title: optional(title),
  ...fields,
  status: optional(name),
  /** An empty text takes the issue from its parent. */
  parent: optional(words),
  append_notes: optional(body),
  add_labels: optional(names),
  remove_labels: optional(names),
  set_labels: optional(names),
  session: optional(words),
});

const filterMembers = {
  ids: optional(ids),
  statuses: optional(names),
  exclude_statuses: optional(names),
  priority: optional(priority),
  priority_min: optional(priority),
  priority_max: optional(priority),
  issue_type: optional(name),
  assignee: optional(name),
  no_assignee: optional(flag()),
  labels: optional(names),
  labels_any: optional(names),
  no_labels: optional(flag()),
  parent_id: optional(issueId),
  text: optional(body),
  title_contains: optional(words),
  description_contains: optional(words),
  notes_contains: optional(words),
  empty_description: optional(flag()),
  created_after: optional(time),
  created_before: optional(time),
  updated_after: optional(time),
  updated_before: optional(time),
  closed_after: optional(time),
  closed_before: optional(time),
  due_after: optional(time),
  due_before: optional(time),
  deferred: optional(flag()),
  pinned: optional(flag()),
  blocked: optional(flag()),
};

const filter: Shape<IssueFilter> = object(filterMembers);

const page = {
  filter: optional(filter),
  sort: optional(choice(SORT_NAMES)),
  reverse: optional(flag()),
  /** 0 or absent: all. */
  limit: optional(limit),
};

export const changedIssue = result<{ issue: IssueJson; changed: boolean }>();
const foundIssues = result<{ issues: IssueWithCounts[]; total: number }>();

export const issueMethods = {
  create_issue: write({ issue: newIssue, actor }, result<{ issue_id: string; issue: IssueJson }>()),
  /** The issue that `create_issue` would make, without its id. */
  preview_issue: read({ issue: newIssue, actor }, result<{ issue: Omit<IssueJson, 'id'> }>()),
  get_issue: read({ issue_id: issueId }, result<{ issue: IssueDetails }>()),
  resolve_id: read({ issue_id: issueId }, result<{ issue_id: string }>()),
  list_issues: read(page, foundIssues),
  list_ready: read({ ...page, include_deferred: optional(flag()) }, foundIssues),
  list_blocked: read({ parent_id: optional(issueId) }, result<{ issues: BlockedIssue[] }>()),
  list_stale: read(
    {
      days: integer({ min: 0, max: 100_000 }),
      status: optional(name),
      limit: optional(limit),
    },
    result<{ issues: IssueJson[] }>(),
  ),
  count_issues: read(
    { filter: optional(filter), group_by: optional(choice(COUNT_GROUPS)) },
    result<{ count: number; groups?: { group: string; count: number }[] }>(),
  ),
  get_stats: read({ assignee: optional(name) }, result<Stats>()),
  epic_status: read({ eligible_only: optional(flag()) }, result<{ epics: EpicStatus[] }>()),
  update_issue: write(
    { issue_id: issueId, changes: issueChanges, actor },
    result<{ issue: IssueJson; changed: string[] }>(),
  ),
  claim_issue: write({ issue_id: issueId, actor }, changedIssue),
  close_issue: write(
    {
      issue_id: issueId,
      reason: optional(body),
      session: optional(words),
      force: optional(flag()),
      actor,
    },
    /** `unblocked`: what became ready by it. */
    result<{ issue: IssueJson; changed: boolean; unblocked: IssueJson[] }>(),
  ),
  reopen_issue: write({ issue_id: issueId, reason: optional(body), actor }, changedIssue),
  delete_issues: write(
    {
      issue_ids: ids,
      reason: optional(body),
      /** Also everything below them. */
      cascade: optional(flag()),
      dry_run: optional(flag()),
      actor,
    },
    result<{
      deleted: string[];
      dependencies_removed: number;
      references_updated: number;
      dry_run: boolean;
    }>(),
  ),
};

export type IssueWithCounts = IssueJson & {
  dependency_count: number;
  dependent_count: number;
  comment_count: number;
};

/** An issue at the other end of an edge. */
export type LinkedIssue = IssueJson & { dependency_type: string };

export type IssueDetails = Omit<IssueJson, 'dependencies'> & {
  dependencies?: LinkedIssue[];
  dependents?: LinkedIssue[];
  parent?: string;
  /** The fields that are in conflict, by the names of `list_conflicts`. */
  conflicts?: string[];
};

export type BlockedIssue = IssueJson & { blocked_by_count: number; blocked_by: string[] };

export interface Stats {
  total_issues: number;
  open_issues: number;
  in_progress_issues: number;
  closed_issues: number;
  blocked_issues: number;
  deferred_issues: number;
  ready_issues: number;
  tombstone_issues: number;
  pinned_issues: number;
  epics_eligible_for_closure: number;
  average_lead_time_hours: number;
}

export interface EpicStatus {
  epic: IssueJson;
  total_children: number;
  closed_children: number;
  eligible_for_close: boolean;
}

const changedLabel = result<{ issue_id: string; label: string; changed: boolean }>();

export const labelMethods = {
  add_label: write({ issue_id: issueId, label: name, actor }, changedLabel),
  remove_label: write({ issue_id: issueId, label: name, actor }, changedLabel),
  list_labels: read({ issue_id: issueId }, result<{ labels: string[] }>()),
  count_labels: read({}, result<{ labels: { label: string; count: number }[] }>()),
};

export const commentMethods = {
  add_comment: write(
    { issue_id: issueId, text: text({ min: 1, max: TEXT_CHARS_MAX }), actor },
    result<{ comment: Comment }>(),
  ),
  list_comments: read({ issue_id: issueId }, result<{ comments: Comment[] }>()),
};
