import type { IssueJson } from '../../core/issue-line.ts';
import { oneLine } from './printable.ts';

/** A line for each issue that was to be changed: `Closed bd-1: Title`, or `bd-1 is closed already`. */
export function renderIssueChanges(
  done: readonly { issue: IssueJson; changed: boolean }[],
  { changed: made, unchanged }: { changed: string; unchanged: string },
): string {
  return done
    .map(({ issue, changed }) =>
      changed ? `${made} ${issue.id}: ${oneLine(issue.title)}\n` : `${issue.id} ${unchanged}\n`,
    )
    .join('');
}
