import { createHash } from 'node:crypto';
import { DONE_STATUSES } from '../core/dependency.ts';
import type { Issue } from '../core/issue.ts';
import { timestampMs } from '../core/timestamp.ts';

/** What lists and ready work look at, from the record. */
export function derivedColumns(issue: Issue): Record<string, unknown> {
  return {
    status: issue.status,
    priority: issue.priority,
    issue_type: issue.issue_type,
    assignee: issue.assignee === '' ? null : (issue.assignee ?? null),
    created_ms: timestampMs(issue.created_at),
    updated_ms: timestampMs(issue.updated_at),
    closed_ms: msOrNull(issue.closed_at),
    due_ms: msOrNull(issue.due_at),
    defer_ms: msOrNull(issue.defer_until),
    comment_count: issue.comments?.length ?? 0,
    pinned: Number(isPinned(issue)),
    off_queue: Number(isOffQueue(issue)),
    holds_up: Number(holdsUp(issue)),
  };
}

/** Whoever depends on it waits. */
export function holdsUp(issue: Issue | undefined): boolean {
  return issue !== undefined && !DONE_STATUSES.includes(issue.status);
}

function isPinned(issue: Issue): boolean {
  return issue.pinned === true || issue.status === 'pinned';
}

/** The infixes are the classic tool's marks of a molecule's steps. */
function isOffQueue(issue: Issue): boolean {
  return (
    isPinned(issue) ||
    issue.ephemeral === true ||
    issue.is_template === true ||
    /-(?:mol|wisp)-/.test(issue.id)
  );
}

function msOrNull(timestamp: string | undefined): number | null {
  return timestamp === undefined ? null : timestampMs(timestamp);
}

/** Into how many parts the issues of a large project are split on their branch. */
export const SHARDS = 256;

/** The part that an issue belongs to: the first byte of SHA-1 over its id in UTF-8. */
export function shardOf(issueId: string): number {
  return createHash('sha1').update(issueId).digest()[0] ?? 0;
}
