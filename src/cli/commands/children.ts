import type { CommandDefinition } from '../command.ts';
import { renderIssueRows } from '../output/issue-rows.ts';

export const childrenCommand: CommandDefinition = {
  name: 'children',
  parameters: '<id>',
  about: 'List the children of an issue, closed ones too',
  async run({ args, call, screen, print }) {
    const { issues } = await call('list_issues', { filter: { parent_id: args[0] ?? '' } });
    const text = issues.length === 0 ? 'It has no children.\n' : renderIssueRows(issues, screen);
    print({ json: issues, text });
  },
};
