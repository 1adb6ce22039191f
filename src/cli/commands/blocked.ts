import type { CommandDefinition } from '../command.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { renderIssueRows } from '../output/issue-rows.ts';

export const blockedCommand: CommandDefinition = {
  name: 'blocked',
  about: 'List blocked issues with their blockers',
  flags: [['--parent <id>', 'children of this issue']],
  async run({ flags, call, screen, print }) {
    const { issues } = await call(
      'list_blocked',
      omitUndefined({ parent_id: flags.text('parent') }),
    );
    const rows = renderIssueRows(issues, screen).split('\n');
    const text = issues
      .map(({ blocked_by: blockers }, index) => {
        return `${rows[index]}\n${screen.dim(`  waits for ${blockers.join(', ')}`)}\n`;
      })
      .join('');
    print({ json: issues, text: text === '' ? 'Nothing is blocked.\n' : text });
  },
};
