import { join } from 'node:path';
import type { CommandDefinition } from '../command.ts';
import { given } from '../given.ts';
import { requireServices } from '../own-process.ts';
import { alignColumns } from '../output/columns.ts';

export const initCommand: CommandDefinition = {
  name: 'init',
  about: 'Make a workspace in this directory, or join the one that the remote has',
  flags: [
    ['-p, --prefix <prefix>', 'what ids begin with (default: the directory’s name)'],
    ['--local', 'send nothing to any remote'],
    ['--skip-hooks', ''],
    ['--skip-merge-driver', ''],
  ],
  async run({ flags, services, screen, io, confirm }) {
    const report = await requireServices(services, 'init').initialise(
      given({ prefix: flags.text('prefix'), isLocal: flags.has('local') }),
    );
    const facts = alignColumns(
      [
        ['', 'Database:', join(report.beads_dir, 'beads.db')],
        ['', 'Issue prefix:', report.prefix],
        ['', 'Issues:', String(report.issue_count)],
      ],
      { ...screen, width: undefined },
    );
    const changes = report.changes.map((change) => `  - ${change}\n`).join('');
    const joined = report.joined ? ' It joined the project that the remote has.' : '';
    confirm({
      json: report,
      text: `bd initialized successfully!${joined}\n\n${facts}\n${changes}`,
    });
    if (report.warning !== null) io.stderr(`Warning: ${report.warning}\n`);
  },
};
