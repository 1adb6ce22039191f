import type { Comment } from '../../core/issue.ts';
import { TEXT_CHARS_MAX } from '../../core/limits.ts';
import { object, text } from '../shape.ts';
import { actor, issueId } from './issue.ts';

export const commentMethods = {
  add_comment: object({ issue_id: issueId, text: text({ min: 1, max: TEXT_CHARS_MAX }), actor }),
  list_comments: object({ issue_id: issueId }),
};

export interface CommentResults {
  add_comment: { comment: Comment };
  list_comments: { comments: Comment[] };
}
