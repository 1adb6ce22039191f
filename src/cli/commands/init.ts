import { join } from 'node:path';
import { SYNC_MODES } from '../../core/sharing.ts';
import type { InitReport } from '../../workspace/init/initialise.ts';
import type { CommandDefinition } from '../command.ts';
import { listChanges, renderPreview } from '../output/change-list.ts';
import { alignColumns } from '../output/columns.ts';
import type { Screen } from '../output/screen.ts';

export const initCommand: CommandDefinition = {
  name: 'init',
  runsLocally: true,
  about: 'Make a workspace in this directory, or join the one that the remote has',
  flags: [
    ['-p, --prefix <prefix>', 'what ids begin with (default: the directory’s name)'],
    ['--local', 'send nothing to any remote'],
    [
      '--mode <mode>',
      'branch: bd commits issues, on a branch of its own (default); worktree: you commit the file; checked-out: bd commits it on the branch you are on',
    ],
    ['--skip-merge-driver', 'leave git’s way of merging alone'],
    ['--dry-run', 'show what would be changed, and change nothing'],
    ['--skip-hooks', ''],
  ],
  async run({ flags, services, screen, io, print, confirm }) {
    const report = await services.initialise({
      prefix: flags.text('prefix'),
      isLocal: flags.has('local'),
      mode: flags.choice('mode', SYNC_MODES),
      skipsMergeDriver: flags.has('skip-merge-driver'),
      isDryRun: flags.has('dry-run'),
    });
    if ('dry_run' in report) {
      return print({ json: report, text: renderPreview('init', report.changes) });
    }
    const { beads_dir: beadsDir, changes } = report;
    const present = `The workspace is here already: ${beadsDir}\n\n${listChanges(changes)}`;
    confirm({ json: report, text: 'joined' in report ? renderReport(report, screen) : present });
    if (typeof report.warning === 'string') io.stderr(`Warning: ${report.warning}\n`);
  },
};

function renderReport(report: InitReport, screen: Screen): string {
  const facts = alignColumns(
    [
      ['', 'Database:', join(report.beads_dir, 'beads.db')],
      ['', 'Issue prefix:', report.prefix],
      ['', 'Issues:', String(report.issue_count)],
    ],
    { ...screen, width: undefined },
  );
  const joined = report.joined ? ' It joined the project that the remote has.' : '';
  return `bd initialized successfully!${joined}\n\n${facts}\n${listChanges(report.changes)}`;
}
