import { BdError } from '../../core/errors.ts';
import { isDeleted, type Issue } from '../../core/issue.ts';
import type { ReadableWorkspace } from './operation.ts';

const MATCHES_SHOWN = 10;
const CANDIDATES_MAX = 1_000;

/** The issue, not deleted, that `text` names: by its id, with or without prefix, or the start of it. */
export function findIssue(workspace: ReadableWorkspace, text: string): Issue {
  const issue = workspace.store.issues.get(findIssueId(workspace, text));
  if (issue === undefined) throw notFound(text);
  return issue;
}

export function findIssueId(workspace: ReadableWorkspace, text: string): string {
  const issue = withWholeId(workspace, text);
  if (issue !== undefined) {
    if (isDeleted(issue)) throw deleted(text, issue);
    return issue.id;
  }
  const matches = startingWith(workspace, text);
  const [only] = matches;
  if (only === undefined) throw notFound(text);
  if (matches.length === 1) return only;
  throw new BdError('AMBIGUOUS_ID', {
    message: `ambiguous ID "${text}" matches ${matches.length} issues: [${matches.slice(0, MATCHES_SHOWN).join(' ')}]`,
    remedy: 'Give more of the id.',
    details: { matches: matches.slice(0, MATCHES_SHOWN) },
  });
}

/** Also finds a deleted issue, by its id with or without prefix. */
export function findAnyIssue(workspace: ReadableWorkspace, text: string): Issue {
  return withWholeId(workspace, text) ?? findIssue(workspace, text);
}

function withWholeId(workspace: ReadableWorkspace, text: string): Issue | undefined {
  const { store, config } = workspace;
  return store.issues.get(text) ?? store.issues.get(`${config.text('issue_prefix')}-${text}`);
}

function startingWith(workspace: ReadableWorkspace, text: string): string[] {
  const { queries, issues } = workspace.store;
  const bare = text.slice(text.lastIndexOf('-') + 1);
  if (bare === '') return [];
  return queries.idsContaining(bare, CANDIDATES_MAX).filter((id) => {
    const ending = id.slice(id.lastIndexOf('-') + 1);
    if (!id.startsWith(text) && !ending.startsWith(text)) return false;
    const issue = issues.get(id);
    return issue !== undefined && !isDeleted(issue);
  });
}

/** A tombstone of another tool may lack the time and the actor. */
function deleted(text: string, { id, deleted_at: at, deleted_by: by }: Issue): BdError {
  const how = ['deleted', at, by === undefined ? undefined : `by ${by}`];
  return new BdError('ISSUE_NOT_FOUND', {
    message: `no issue found matching "${text}" (${how.filter(Boolean).join(' ')})`,
    remedy: `Bring it back with \`bd restore ${id}\`.`,
    details: { issue_id: text },
  });
}

function notFound(text: string): BdError {
  return new BdError('ISSUE_NOT_FOUND', {
    message: `no issue found matching "${text}"`,
    remedy: 'List the issues with `bd list --all`, or look for it with `bd search`.',
    details: { issue_id: text },
  });
}
