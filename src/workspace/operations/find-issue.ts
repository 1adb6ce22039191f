import { BdError } from '../../core/errors.ts';
import { TOMBSTONE, type Issue } from '../../core/issue.ts';
import type { ReadableWorkspace } from './operation.ts';

const MATCHES_SHOWN = 10;
const MATCHES_MAX = 1_000;

/** The issue, not deleted, that `text` names: by its id, with or without prefix, or the start of it. */
export function findIssue(workspace: ReadableWorkspace, text: string): Issue {
  const issue = workspace.store.issues.get(findIssueId(workspace, text));
  if (issue === undefined) throw notFound(text);
  return issue;
}

export function findIssueId(workspace: ReadableWorkspace, text: string): string {
  const whole = wholeId(workspace, text);
  if (whole !== undefined) {
    if (whole.status !== TOMBSTONE) return whole.id;
    throw deleted(text, workspace.store.issues.get(whole.id) as Issue);
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
  const whole = wholeId(workspace, text);
  const issue = whole === undefined ? undefined : workspace.store.issues.get(whole.id);
  return issue ?? findIssue(workspace, text);
}

function wholeId(
  { store, config }: ReadableWorkspace,
  text: string,
): { id: string; status: string } | undefined {
  for (const id of [text, `${config.text('issue_prefix')}-${text}`]) {
    const status = store.queries.status(id);
    if (status !== undefined) return { id, status };
  }
  return undefined;
}

function startingWith({ store }: ReadableWorkspace, text: string): string[] {
  return text.endsWith('-') ? [] : store.queries.idsStarting(text, MATCHES_MAX);
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
