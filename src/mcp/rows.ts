import { isBlockingType, isParentType } from '../core/dependency.ts';
import type { IssueJson } from '../core/issue-line.ts';
import type { IssueDetails, LinkedIssue } from '../protocol/methods/issue.ts';

/** Comments that `show` returns of an issue: the latest say where it is. */
const COMMENTS_SHOWN = 5;

export type Row = ReturnType<typeof rowOf>;

export type Details = ReturnType<typeof detailsOf>;

/** An issue in a list: what is needed to choose one. Absent instead of empty. */
export function rowOf(issue: Omit<IssueJson, 'dependencies'>) {
  const { id, title, status, priority, issue_type: type, assignee, labels } = issue;
  return {
    id,
    title,
    status,
    priority,
    type,
    ...withoutEmpty({ assignee, labels }),
    updated: issue.updated_at,
  };
}

export function detailsOf(issue: IssueDetails) {
  const { dependencies = [], dependents = [], comments = [] } = issue;
  const others = dependents.filter(({ dependency_type: type }) => !isParentType(type));
  const { updated, ...row } = rowOf(issue);
  return {
    ...row,
    ...withoutEmpty({
      description: issue.description,
      design: issue.design,
      acceptance: issue.acceptance_criteria,
      notes: issue.notes,
      parent: issue.parent,
      children: linkRows(dependents, isParentType),
      depends_on: linkRows(dependencies, (type) => !isParentType(type)),
      blocks: linkRows(others, isBlockingType),
      // Other issues that name this one, such as those discovered from it.
      linked_from: linkRows(others, (type) => !isBlockingType(type)),
      comments: comments
        .slice(-COMMENTS_SHOWN)
        .map(({ author, created_at: at, text }) => ({ author, at, text })),
      comments_total: comments.length > COMMENTS_SHOWN ? comments.length : undefined,
      author: issue.created_by,
      due: issue.due_at,
      deferred_until: issue.defer_until,
      closed: issue.closed_at,
      close_reason: issue.close_reason,
      // Fields that were written in two places at once; `bd conflicts` settles them.
      conflicts: issue.conflicts,
    }),
    created: issue.created_at,
    updated,
  };
}

/** The issues at the other ends of edges, and the edges' types. */
function linkRows(links: readonly LinkedIssue[], isWanted: (type: string) => boolean) {
  return links
    .filter((link) => isWanted(link.dependency_type))
    .map(({ id, title, status, dependency_type: type }) => ({ id, title, status, type }));
}

function withoutEmpty<T extends object>(fields: T) {
  const isEmpty = (value: unknown): boolean =>
    value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => !isEmpty(value)),
  ) as Partial<T>;
}
