import { BdError } from '../../core/errors.ts';
import { SORT_NAMES } from '../../core/query.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Params } from '../../protocol/methods.ts';
import type { IssueWithCounts } from '../../protocol/methods/issue.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { FILTER_FLAGS, MORE_FILTER_FLAGS, readFilterFlags, SORT_FLAGS } from '../filter-flags.ts';
import type { Flags } from '../flags.ts';
import { renderIssueDetails } from '../output/issue-details.ts';
import { renderIssueRows, renderPageEnd } from '../output/issue-rows.ts';
import { renderIssueTree } from '../output/tree-text.ts';
import type { Screen } from '../output/screen.ts';

const LIMIT_DEFAULT = 50;

export const listCommand: CommandDefinition = {
  name: 'list',
  about: 'List issues; by default those that are not closed',
  flags: [
    ['--all', 'closed ones too'],
    ...MORE_FILTER_FLAGS.slice(0, 1),
    ...FILTER_FLAGS,
    ...MORE_FILTER_FLAGS.slice(1),
    ['--parent <id>', 'children of this issue'],
    ['--filter-parent <id>', ''],
    ['--ready', 'that can be worked on now'],
    ['--deferred', 'put off until later'],
    ['--due-after <time>', ''],
    ['--due-before <time>', 'due before then'],
    ['--overdue', 'whose time is over'],
    ['--pinned', 'pinned'],
    ['--no-pinned', 'not pinned'],
    ...SORT_FLAGS,
    ['--long', 'everything about each'],
    ['--tree', 'children below their parents'],
    ['--pretty', ''],
    ['--no-pager', ''],
    ['--include-templates', ''],
    ['--include-gates', ''],
  ],
  async run(invocation) {
    const { flags, now } = invocation;
    const isTree = flags.has('tree') || flags.has('pretty');
    const rows = isTree ? renderIssueTree : renderIssueRows;
    await showPage(invocation, {
      method: flags.has('ready') ? 'list_ready' : 'list_issues',
      filter: readListFilter(flags, now.nowMs),
      render: flags.has('long') ? renderInFull : rows,
    });
  },
};

function readListFilter(flags: Flags, nowMs: number) {
  const isWhole = flags.has('all') || flags.has('status') || flags.has('ready');
  return {
    ...readFilterFlags(flags),
    exclude_statuses: isWhole ? undefined : ['closed'],
    parent_id: flags.text('parent', 'filter-parent'),
    deferred: flags.isSet('deferred'),
    due_after: flags.time('due-after'),
    due_before: flags.has('overdue') ? timestampAt(nowMs) : flags.time('due-before'),
    pinned: flags.has('no-pinned') ? false : flags.isSet('pinned'),
  };
}

function renderInFull(issues: readonly IssueWithCounts[], screen: Screen): string {
  return issues
    .map(({ dependencies: _edges, ...issue }) => renderIssueDetails(issue, screen))
    .join('\n');
}

/** As many of the issues as were asked for, in the order that was asked for. */
async function showPage(
  { flags, call, screen, print }: Invocation,
  {
    method,
    filter,
    render,
  }: {
    method: 'list_issues' | 'list_ready';
    filter: Params<'list_issues'>['filter'];
    render: (issues: readonly IssueWithCounts[], screen: Screen) => string;
  },
): Promise<void> {
  const { issues, total } = await call(method, {
    filter,
    sort: flags.choice('sort', SORT_NAMES),
    reverse: flags.isSet('reverse'),
    limit: flags.number('limit') ?? LIMIT_DEFAULT,
  });
  print({
    json: issues,
    text() {
      const rows = render(issues, screen) || 'No issues found.\n';
      return `${rows}${renderPageEnd(issues.length, total, screen)}`;
    },
  });
}

export const searchCommand: CommandDefinition = {
  name: 'search',
  parameters: '[words...]',
  about: 'Find issues by their text, including closed ones',
  flags: [
    ['--query <text>', 'what to look for, instead of as an argument'],
    ...FILTER_FLAGS,
    ...MORE_FILTER_FLAGS,
    ...SORT_FLAGS,
    ['--long', ''],
  ],
  async run(invocation) {
    const { args, flags } = invocation;
    const text = flags.text('query') ?? args.join(' ');
    if (text.trim() === '') {
      throw new BdError('USAGE', {
        message: 'search text required',
        remedy: 'Say what to look for, such as `bd search signing key`.',
      });
    }
    const filter = { ...readFilterFlags(flags), text };
    await showPage(invocation, { method: 'list_issues', filter, render: renderIssueRows });
  },
};
