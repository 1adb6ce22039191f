import type { CommandDefinition } from '../command.ts';
import { alignColumns } from '../output/columns.ts';
import { issueCells } from '../output/issue-rows.ts';

const DAYS_DEFAULT = 30;
const LIMIT_DEFAULT = 50;

export const staleCommand: CommandDefinition = {
  name: 'stale',
  about: 'List issues without recent changes, the oldest first',
  flags: [
    ['-d, --days <days>', `without a change for this many days (default: ${DAYS_DEFAULT})`],
    ['-s, --status <status>', 'in this status'],
    ['-n, --limit <count>', `maximum number (default: ${LIMIT_DEFAULT}); 0 for all`],
  ],
  async run({ flags, call, screen, print }) {
    const { issues } = await call('list_stale', {
      days: flags.number('days') ?? DAYS_DEFAULT,
      status: flags.text('status'),
      limit: flags.number('limit') ?? LIMIT_DEFAULT,
    });
    const rows = issues.map((issue) => [
      issue.updated_at.slice(0, 10),
      ...issueCells(issue, screen),
    ]);
    print({ json: issues, text: alignColumns(rows, screen) || 'No stale issues.\n' });
  },
};
