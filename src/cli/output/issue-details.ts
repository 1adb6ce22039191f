import { isBlockingType, isParentType } from '../../core/dependency.ts';
import type { Comment, LongText } from '../../core/issue.ts';
import type { IssueDetails, LinkedIssue } from '../../protocol/methods/issue.ts';
import { alignColumns } from './columns.ts';
import { issueCells } from './issue-rows.ts';
import { renderMoment, indent, oneLine, severalLines } from './printable.ts';
import type { Screen } from './screen.ts';

/** Everything about one issue, for a person: facts first, then texts, links and comments. */
export function renderIssueDetails(issue: IssueDetails, screen: Screen): string {
  const { dependencies = [], dependents = [], comments = [] } = issue;
  const blocking = ({ dependency_type: type }: LinkedIssue): boolean => isBlockingType(type);
  const family = ({ dependency_type: type }: LinkedIssue): boolean => isParentType(type);
  const other = (linked: LinkedIssue): boolean => !blocking(linked) && !family(linked);
  const title = `${screen.bold(issue.id)}  ${screen.bold(oneLine(issue.title))}`;
  const text = (heading: string, field: LongText): string =>
    section(heading + mark(issue, field), severalLines(issue[field] ?? ''), screen);
  const parent = mark(issue, 'parent') || mark(issue, 'dependency parent-child ');
  const sections = [
    `${title}${mark(issue, 'title')}\n${facts(issue, screen)}`,
    text('Description', 'description'),
    text('Design', 'design'),
    text('Acceptance criteria', 'acceptance_criteria'),
    text('Notes', 'notes'),
    links(`Parent${parent}`, dependencies.filter(family), screen),
    links(`Depends on${mark(issue, 'dependency blocks ')}`, dependencies.filter(blocking), screen),
    links('Children', dependents.filter(family), screen),
    links('Blocks', dependents.filter(blocking), screen),
    relations([...dependencies.filter(other), ...dependents.filter(other)], screen),
    section(`Comments${mark(issue, 'comment ')}`, renderComments(comments, screen), screen),
    conflictNote(issue),
  ];
  return sections.filter((text) => text !== '').join('\n');
}

/** `field` is a name of `list_conflicts`, or the first words of several. */
function mark({ conflicts = [] }: IssueDetails, field: string): string {
  const isMarked = conflicts.some((name) =>
    field.endsWith(' ') ? name.startsWith(field) : name === field,
  );
  return isMarked ? ' (in conflict)' : '';
}

/** Empty fields are not shown and cannot be marked, so this names all of them. */
function conflictNote({ id, conflicts = [] }: IssueDetails): string {
  if (conflicts.length === 0) return '';
  const fields = conflicts.map(oneLine).join(', ');
  return `In conflict: ${fields}\nRun \`bd conflicts show ${id}\` to see and settle it.\n`;
}

export function renderComments(comments: readonly Comment[], screen: Screen): string {
  return comments
    .map(({ author, text, created_at: at }) => {
      const head = screen.dim(`${oneLine(author)}, ${renderMoment(at)}`);
      return `${head}\n${indent(severalLines(text).trimEnd())}\n`;
    })
    .join('');
}

function facts(issue: IssueDetails, screen: Screen): string {
  const rows: (readonly [name: string, field: string, value: string | undefined])[] = [
    ['Status', 'status', [issue.status, issue.close_reason].filter(Boolean).join(', ')],
    ['Priority', 'priority', `P${issue.priority}`],
    ['Type', 'issue_type', issue.issue_type],
    ['Assignee', 'assignee', issue.assignee],
    ['Labels', 'labels', issue.labels?.join(', ')],
    ['Estimate', 'estimated_minutes', estimate(issue.estimated_minutes)],
    ['Due', 'due_at', issue.due_at && renderMoment(issue.due_at)],
    ['Deferred until', 'defer_until', issue.defer_until && renderMoment(issue.defer_until)],
    ['External', 'external_ref', issue.external_ref],
    ['Created', 'created_at', by(issue.created_at, issue.created_by)],
    ['Updated', 'updated_at', issue.updated_at && renderMoment(issue.updated_at)],
    ['Closed', 'closed_at', issue.closed_at && renderMoment(issue.closed_at)],
  ];
  const shown = rows.flatMap(([name, field, value]) =>
    value === undefined || value === ''
      ? []
      : [[`${name}:`, `${oneLine(value)}${mark(issue, field)}`]],
  );
  return alignColumns(shown, screen);
}

function section(heading: string, text: string, screen: Screen): string {
  return text === '' ? '' : `${screen.bold(heading)}\n${indent(text.trimEnd())}\n`;
}

function links(heading: string, issues: readonly LinkedIssue[], screen: Screen): string {
  const rows = issues.map((issue) => ['', ...issueCells(issue, screen)]);
  return rows.length === 0 ? '' : `${screen.bold(heading)}\n${alignColumns(rows, screen)}`;
}

function relations(issues: readonly LinkedIssue[], screen: Screen): string {
  const rows = issues.map((issue) => ['', issue.dependency_type, ...issueCells(issue, screen)]);
  return rows.length === 0 ? '' : `${screen.bold('Related')}\n${alignColumns(rows, screen)}`;
}

function by(at: string, who: string | undefined): string {
  return who === undefined ? renderMoment(at) : `${renderMoment(at)} by ${who}`;
}

function estimate(minutes: number | undefined): string | undefined {
  if (minutes === undefined) return undefined;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours > 0 ? `${hours} h` : '', rest > 0 || hours === 0 ? `${rest} min` : '']
    .filter((part) => part !== '')
    .join(' ');
}
