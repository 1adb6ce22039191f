import type { IssueJson } from '../../core/issue-line.ts';
import type { Answer } from '../command.ts';
import { alignColumns, type Cell } from './columns.ts';
import { oneLine } from './printable.ts';
import type { Paint, Screen } from './screen.ts';

/** Of whatever form its dependencies are. */
type Row = Omit<IssueJson, 'dependencies'>;

/** One line an issue: id, priority, status, type, title, then who has it and its labels. */
export function renderIssueRows(issues: readonly Row[], screen: Screen): string {
  return alignColumns(
    issues.map((issue) => issueCells(issue, screen)),
    screen,
  );
}

export function issueCells(issue: Row, screen: Screen): Cell[] {
  const paint = rowPaint(issue, screen);
  return [
    { text: issue.id, paint },
    priorityCell(issue, screen),
    { text: issue.status, paint },
    { text: issue.issue_type, paint },
    { text: [oneLine(issue.title), ...marks(issue)].join('  '), paint },
  ];
}

export function renderIssueLine(issue: Row, screen: Screen): string {
  return renderIssueRows([issue], screen).trimEnd();
}

/** `…` when there are more than were asked for. */
export function renderPageEnd(shown: number, total: number, screen: Screen): string {
  if (shown >= total) return '';
  return screen.dim(`\n${shown} of ${total} shown; --limit 0 shows all`).concat('\n');
}

function priorityCell({ priority, status }: Row, screen: Screen): Cell {
  const text = `P${priority}`;
  if (status === 'closed') return { text, paint: screen.dim };
  if (priority === 0) return { text, paint: screen.red };
  return priority === 1 ? { text, paint: screen.yellow } : text;
}

function rowPaint({ status }: Row, { dim, green }: Screen): Paint {
  if (status === 'closed') return dim;
  return status === 'in_progress' ? green : (text) => text;
}

function marks({ assignee, labels = [] }: Row): string[] {
  return [
    ...(assignee === undefined || assignee === '' ? [] : [`@${oneLine(assignee)}`]),
    ...labels.map((label) => `#${oneLine(label)}`),
  ];
}

/** In text a line for each issue: `Closed bd-1: Title`, or `bd-1 is closed already`. */
export function renderIssueChanges(
  done: readonly { issue: IssueJson; changed: boolean }[],
  words: { changed: string; unchanged: string },
): Answer & { json: IssueJson[] } {
  const lines = done.map(({ issue: { id, title }, changed }) =>
    changed ? `${words.changed} ${id}: ${oneLine(title)}\n` : `${id} ${words.unchanged}\n`,
  );
  return { json: done.map(({ issue }) => issue), text: lines.join('') };
}
