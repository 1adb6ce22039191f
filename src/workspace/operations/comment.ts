import type { Comment, Issue } from '../../core/issue.ts';
import { timestampAfter, type Timestamp } from '../../core/timestamp.ts';
import { findIssue } from './find-issue.ts';
import {
  type ReadableWorkspace,
  actorOf,
  type EditableWorkspace,
  type Operations,
  putEdited,
} from './operation.ts';

export const commentOperations: Operations<'add_comment', EditableWorkspace> &
  Operations<'list_comments', ReadableWorkspace> = {
  async add_comment(workspace, params) {
    const author = await actorOf(workspace, params);
    return workspace.write(() => {
      const issue = findIssue(workspace, params.issue_id);
      const last = issue.comments?.at(-1)?.created_at;
      const now = timestampAfter(last, workspace.clock.nowMs());
      const commented = withComment(issue, { author, text: params.text, now });
      const stored = putEdited(workspace, commented, { kind: 'commented', actor: author });
      return { comment: stored.comments?.at(-1) as Comment };
    });
  },

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
  const comment: Comment = {
    id: Math.max(0, ...numbers) + 1,
    issue_id: issue.id,
    author,
    text,
    created_at: now,
  };
  return { ...issue, comments: [...comments, comment] };
}
