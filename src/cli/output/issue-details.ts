import { isBlockingType, isParentType } from '../../core/dependency.ts';
import type { Comment } from '../../core/issue.ts';
import type { IssueDetails, LinkedIssue } from '../../protocol/methods/issue.ts';
import { alignColumns } from './columns.ts';
import { issueCells } from './issue-rows.ts';
import { renderMoment } from './moment.ts';
import { indent, oneLine, severalLines } from './printable.ts';
import type { Screen } from './screen.ts';

/** Everything about one issue, for a person: facts first, then texts, links and comments. */
export function renderIssueDetails(issue: IssueDetails, screen: Screen): string {
  const { dependencies = [], dependents = [], comments = [] } = issue;
  const blocking = ({ dependency_type: type }: LinkedIssue): boolean => isBlockingType(type);
  const family = ({ dependency_type: type }: LinkedIssue): boolean => isParentType(type);
  const other = (linked: LinkedIssue): boolean => !blocking(linked) && !family(linked);
  const sections = [
    `${screen.bold(issue.id)}  ${screen.bold(oneLine(issue.title))}\n${facts(issue, screen)}`,
    section('Description', severalLines(issue.description ?? ''), screen),
    section('Design', severalLines(issue.design ?? ''), screen),
    section('Acceptance criteria', severalLines(issue.acceptance_criteria ?? ''), screen),
    section('Notes', severalLines(issue.notes ?? ''), screen),
    links('Parent', dependencies.filter(family), screen),
    links('Depends on', dependencies.filter(blocking), screen),
    links('Children', dependents.filter(family), screen),
    links('Blocks', dependents.filter(blocking), screen),
    relations([...dependencies.filter(other), ...dependents.filter(other)], screen),
    section('Comments', renderComments(comments, screen), screen),
  ];
  return sections.filter((text) => text !== '').join('\n');
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
  const rows: (readonly [string, string | undefined])[] = [
    ['Status', [issue.status, issue.close_reason].filter(Boolean).join(', ')],
    ['Priority', `P${issue.priority}`],
    ['Type', issue.issue_type],
    ['Assignee', issue.assignee],
    ['Labels', issue.labels?.join(', ')],
    ['Estimate', estimate(issue.estimated_minutes)],
    ['Due', moment(issue.due_at)],
    ['Deferred until', moment(issue.defer_until)],
    ['External', issue.external_ref],
    ['Created', by(issue.created_at, issue.created_by)],
    ['Updated', moment(issue.updated_at)],
    ['Closed', moment(issue.closed_at)],
  ];
  const shown = rows.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[`${name}:`, oneLine(value)]],
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

function moment(timestamp: string | undefined): string | undefined {
  return timestamp === undefined ? undefined : renderMoment(timestamp);
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
