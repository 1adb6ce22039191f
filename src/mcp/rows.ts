import { isBlockingType, isParentType } from '../core/dependency.ts';
import type { IssueJson } from '../core/issue-line.ts';
import type { IssueDetails, LinkedIssue } from '../protocol/methods/issue.ts';

/** Comments that `show` returns of an issue: the latest say where it is. */
const COMMENTS_SHOWN = 5;

/** An issue in a list: what is needed to choose one. Absent instead of empty. */
export interface Row {
  id: string;
  title: string;
  status: string;
  priority: number;
  type: string;
  assignee?: string;
  labels?: readonly string[];
  updated: string;
}

/** The issue at the other end of an edge, and the edge's type. */
interface LinkRow {
  id: string;
  title: string;
  status: string;
  type: string;
}

export interface Details extends Row {
  description?: string;
  design?: string;
  acceptance?: string;
  notes?: string;
  parent?: string;
  children?: LinkRow[];
  depends_on?: LinkRow[];
  blocks?: LinkRow[];
  /** Other issues that name this one, such as those discovered from it. */
  linked_from?: LinkRow[];
  comments?: { author: string; at: string; text: string }[];
  comments_total?: number;
  author?: string;
  created: string;
  due?: string;
  deferred_until?: string;
  closed?: string;
  close_reason?: string;
  /** Fields that were written in two places at once; `bd conflicts` settles them. */
  conflicts?: readonly string[];
}

type RowSource = Omit<IssueJson, 'dependencies'>;

export function rowOf(issue: RowSource): Row {
  const { id, title, status, priority, issue_type: type, assignee, labels = [] } = issue;
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

export function detailsOf(issue: IssueDetails): Details {
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
      conflicts: issue.conflicts,
    }),
    created: issue.created_at,
    updated,
  };
}

function linkRows(links: readonly LinkedIssue[], isWanted: (type: string) => boolean): LinkRow[] {
  return links
    .filter((link) => isWanted(link.dependency_type))
    .map(({ id, title, status, dependency_type: type }) => ({ id, title, status, type }));
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutEmpty<T extends object>(fields: T): Present<T> {
  const isEmpty = (value: unknown): boolean =>
    value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => !isEmpty(value)),
  ) as Present<T>;
}
