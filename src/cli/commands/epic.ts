import type { CommandDefinition } from '../command.ts';
import { alignColumns } from '../output/columns.ts';
import { oneLine } from '../output/printable.ts';
import { renderIssueRows } from '../output/issue-rows.ts';

export const epicCommand: CommandDefinition = {
  name: 'epic',
  about: 'Show the progress of epics',
  subcommands: [
    {
      name: 'status',
      about: 'Show how many children of each epic are closed',
      flags: [['--eligible-only', 'only epics whose children are all closed']],
      async run({ flags, call, screen, print }) {
        const params = { eligible_only: flags.isSet('eligible-only') };
        const { epics } = await call('epic_status', params);
        const rows = epics.map((each) => [
          each.epic.id,
          `${each.closed_children}/${each.total_children} closed`,
          each.eligible_for_close ? 'can be closed' : '',
          oneLine(each.epic.title),
        ]);
        print({ json: epics, text: alignColumns(rows, screen) || 'No open epics.\n' });
      },
    },
  ],
};

export const childrenCommand: CommandDefinition = {
  name: 'children',
  parameters: '<id>',
  about: 'List the children of an issue, including closed ones',
  async run({ args, call, screen, print }) {
    const { issues } = await call('list_issues', { filter: { parent_id: args[0] ?? '' } });
    print({ json: issues, text: renderIssueRows(issues, screen) || 'It has no children.\n' });
  },
};
