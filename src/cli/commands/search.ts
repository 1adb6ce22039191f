import { BdError } from '../../core/errors.ts';
import { SORT_NAMES } from '../../core/query.ts';
import type { CommandDefinition } from '../command.ts';
import { FILTER_FLAGS, MORE_FILTER_FLAGS, readFilterFlags, SORT_FLAGS } from '../filter-flags.ts';
import { omitUndefined } from '../../core/omit-undefined.ts';
import { renderIssueRows, renderPageEnd } from '../output/issue-rows.ts';

const LIMIT_DEFAULT = 50;

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
  async run({ args, flags, call, screen, print }) {
    const text = flags.text('query') ?? args.join(' ');
    if (text.trim() === '') {
      throw new BdError('USAGE', {
        message: 'search text required',
        remedy: 'Say what to look for, such as `bd search signing key`.',
      });
    }
    const params = omitUndefined({
      filter: { ...readFilterFlags(flags), text },
      sort: flags.choice('sort', SORT_NAMES),
      reverse: flags.isSet('reverse'),
      limit: flags.number('limit') ?? LIMIT_DEFAULT,
    });
    const { issues, total } = await call('list_issues', params);
    const end = renderPageEnd(issues.length, total, screen);
    const rows = issues.length === 0 ? 'No issues found.\n' : renderIssueRows(issues, screen);
    print({ json: issues, text: `${rows}${end}` });
  },
};
