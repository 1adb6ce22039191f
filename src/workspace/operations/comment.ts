import type { Comment, Issue } from '../../core/issue.ts';
import { timestampAfter, type Timestamp } from '../../core/timestamp.ts';
import { findIssue } from './find-issue.ts';
import { edit, type Edits, type Reads } from './operation.ts';

export const commentOperations: Edits<'add_comment'> & Reads<'list_comments'> = {
  add_comment: (workspace, params) =>
    edit(workspace, params, ({ actor: author, put }) => {
      const issue = findIssue(workspace, params.issue_id);
      const last = issue.comments?.at(-1)?.created_at;
      const now = timestampAfter(last, workspace.clock.nowMs());
      const stored = put(withComment(issue, { author, text: params.text, now }), 'commented');
      return { comment: stored.comments?.at(-1) as Comment };
    }),

  list_comments: (workspace, params) => ({
    comments: [...(findIssue(workspace, params.issue_id).comments ?? [])],
  }),
};

/** The id is a number, unique within the issue, for classic readers; bd does not use it. */
export function withComment(
  issue: Issue,
  { author, text, now }: { author: string; text: string; now: Timestamp },
): Issue {
  const comments = issue.comments ?? [];
  const numbers = comments.map(({ id }) => id).filter((id) => typeof id === 'number');
  const id = Math.max(0, ...numbers) + 1;
  const comment = { id, issue_id: issue.id, author, text, created_at: now };
  return { ...issue, comments: [...comments, comment] };
}
