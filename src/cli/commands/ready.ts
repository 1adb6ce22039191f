import type { CommandDefinition } from '../command.ts';
import { FILTER_FLAGS, readFilterFlags } from '../filter-flags.ts';
import { renderIssueRows, renderPageEnd } from '../output/issue-rows.ts';
import { renderIssueTree } from '../output/tree-text.ts';

const LIMIT_DEFAULT = 10;

export const readyCommand: CommandDefinition = {
  name: 'ready',
  about: 'List what can be worked on now',
  flags: [
    ['-n, --limit <count>', `maximum number (default: ${LIMIT_DEFAULT}); 0 for all`],
    ...FILTER_FLAGS,
    ['-u, --unassigned', 'without an assignee'],
    ['--parent <id>', 'children of this issue'],
    ['-s, --sort <order>', 'hybrid, priority or oldest'],
    ['--include-deferred', 'also what is put off until later'],
    ['--tree', 'children below their parents'],
    ['--pretty', ''],
  ],
  async run({ flags, call, screen, print }) {
    const { issues, total } = await call('list_ready', {
      filter: {
        ...readFilterFlags(flags),
        no_assignee: flags.isSet('unassigned'),
        parent_id: flags.text('parent'),
      },
      sort: flags.choice('sort', ['hybrid', 'priority', 'oldest']),
      limit: flags.number('limit') ?? LIMIT_DEFAULT,
      include_deferred: flags.isSet('include-deferred'),
    });
    print({
      json: issues,
      text() {
        const isTree = flags.has('tree') || flags.has('pretty');
        const rows = isTree ? renderIssueTree(issues, screen) : renderIssueRows(issues, screen);
        const text = rows || 'Nothing is ready; `bd blocked` and `bd list` show why.\n';
        return text + renderPageEnd(issues.length, total, screen);
      },
    });
  },
};

export const blockedCommand: CommandDefinition = {
  name: 'blocked',
  about: 'List blocked issues with their blockers',
  flags: [['--parent <id>', 'children of this issue']],
  async run({ flags, call, screen, print }) {
    const { issues } = await call('list_blocked', { parent_id: flags.text('parent') });
    const rows = renderIssueRows(issues, screen).split('\n');
    const text = issues
      .map(({ blocked_by: blockers }, index) => {
        return `${rows[index]}\n${screen.dim(`  waits for ${blockers.join(', ')}`)}\n`;
      })
      .join('');
    print({ json: issues, text: text || 'Nothing is blocked.\n' });
  },
};
