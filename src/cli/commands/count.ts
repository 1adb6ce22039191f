import { BdError } from '../../core/errors.ts';
import { COUNT_GROUPS, type CountGroup } from '../../core/query.ts';
import type { CommandDefinition } from '../command.ts';
import { FILTER_FLAGS, MORE_FILTER_FLAGS, readFilterFlags } from '../filter-flags.ts';
import type { Flags } from '../flags.ts';
import { alignColumns } from '../output/columns.ts';
import { oneLine } from '../output/printable.ts';

export const countCommand: CommandDefinition = {
  name: 'count',
  about: 'Count issues',
  flags: [
    ...COUNT_GROUPS.map((group) => [`--by-${group}`, `for each ${group}`] as const),
    ...FILTER_FLAGS,
    ...MORE_FILTER_FLAGS,
  ],
  async run({ flags, call, screen, print }) {
    const params = { filter: readFilterFlags(flags), group_by: readGroup(flags) };
    const { count, groups } = await call('count_issues', params);
    if (groups === undefined) {
      print({ json: { count }, text: `${count}\n` });
      return;
    }
    const rows = groups.map((each) => [oneLine(each.group), String(each.count)]);
    const text = alignColumns([...rows, ['Total', String(count)]], screen);
    print({ json: { total: count, groups }, text });
  },
};

function readGroup(flags: Flags): CountGroup | undefined {
  const groups = COUNT_GROUPS.filter((group) => flags.has(`by-${group}`));
  if (groups.length < 2) return groups[0];
  throw new BdError('USAGE', {
    message: `cannot count by ${groups.join(' and ')} at once`,
    remedy: 'Give one --by flag.',
  });
}
