import { BdError } from '../../core/errors.ts';
import { isDeleted, type Issue } from '../../core/issue.ts';
import type { Workspace } from '../workspace.ts';

const MATCHES_SHOWN = 10;
const CANDIDATES_MAX = 1_000;

/** The living issue that `text` names: its id, its id without prefix, or the start of the latter. */
export function findIssue(workspace: Workspace, text: string): Issue {
  const issue = workspace.store.issues.get(findIssueId(workspace, text));
  if (issue === undefined) throw notFound(text, '');
  return issue;
}

export function findIssueId(workspace: Workspace, text: string): string {
  const { issues } = workspace.store;
  for (const id of [text, `${workspace.prefix()}-${text}`]) {
    const issue = issues.get(id);
    if (issue === undefined) continue;
    if (!isDeleted(issue)) return id;
    throw notFound(
      text,
      ` (deleted ${issue.deleted_at ?? ''} by ${issue.deleted_by ?? 'unknown'})`,
    );
  }
  const matches = startingWith(workspace, text);
  const [only] = matches;
  if (only === undefined) throw notFound(text, '');
  if (matches.length === 1) return only;
  throw new BdError('AMBIGUOUS_ID', {
    message: `ambiguous ID "${text}" matches ${matches.length} issues: [${matches.slice(0, MATCHES_SHOWN).join(' ')}]`,
    remedy: 'Give more of the id.',
    details: { matches: matches.slice(0, MATCHES_SHOWN) },
  });
}

function startingWith(workspace: Workspace, text: string): string[] {
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

function notFound(text: string, why: string): BdError {
  return new BdError('ISSUE_NOT_FOUND', {
    message: `no issue found matching "${text}"${why}`,
    remedy: 'List the issues with `bd list --all`, or look for it with `bd search`.',
    details: { issue_id: text },
  });
}
