import { join } from 'node:path';
import { SYNC_MODES } from '../../core/sharing.ts';
import type { CompletedClone } from '../../workspace/init/present-workspace.ts';
import type { CommandDefinition } from '../command.ts';
import { given } from '../../core/omit-undefined.ts';
import { requireServices } from '../own-process.ts';
import { listChanges } from '../output/change-list.ts';
import { alignColumns } from '../output/columns.ts';

export const initCommand: CommandDefinition = {
  name: 'init',
  about: 'Make a workspace in this directory, or join the one that the remote has',
  flags: [
    ['-p, --prefix <prefix>', 'what ids begin with (default: the directory’s name)'],
    ['--local', 'send nothing to any remote'],
    [
      '--mode <mode>',
      'branch: bd commits issues, on a branch of its own (default); worktree: you commit the file; checked-out: bd commits it on the branch you are on',
    ],
    ['--skip-merge-driver', 'leave git’s way of merging alone'],
    ['--dry-run', 'tell what would be changed, and change nothing'],
    ['--skip-hooks', ''],
  ],
  async run({ flags, services, screen, io, print, confirm }) {
    const local = requireServices(services, 'init');
    const prefix = flags.text('prefix');
    const mode = flags.choice('mode', SYNC_MODES);
    const skipsMergeDriver = flags.has('skip-merge-driver');
    const mayComplete = !skipsMergeDriver && mode !== 'branch';
    const isLocal = flags.has('local');
    const request = given({ prefix, isLocal, mode, skipsMergeDriver });
    if (flags.has('dry-run')) {
      const completion = mayComplete ? await local.previewCompletion(given({ prefix })) : undefined;
      const preview = completion ?? (await local.previewInit(request));
      print({ json: preview, text: renderPreview(preview) });
      return;
    }
    const completed = mayComplete ? await local.completeClone(given({ prefix })) : undefined;
    if (completed !== undefined) {
      confirm({ json: completed, text: renderCompleted(completed) });
      if (completed.warning !== null) io.stderr(`Warning: ${completed.warning}\n`);
      return;
    }
    const report = await local.initialise(request);
    const facts = alignColumns(
      [
        ['', 'Database:', join(report.beads_dir, 'beads.db')],
        ['', 'Issue prefix:', report.prefix],
        ['', 'Issues:', String(report.issue_count)],
      ],
      { ...screen, width: undefined },
    );
    const joined = report.joined ? ' It joined the project that the remote has.' : '';
    confirm({
      json: report,
      text: `bd initialized successfully!${joined}\n\n${facts}\n${listChanges(report.changes)}`,
    });
    if (report.warning !== null) io.stderr(`Warning: ${report.warning}\n`);
  },
};

function renderPreview({ changes }: { changes: readonly string[] }): string {
  return `Nothing was changed. Without --dry-run, bd init would tell:\n\n${listChanges(changes)}`;
}

function renderCompleted({ beads_dir: beadsDir, changes }: CompletedClone): string {
  return `The workspace is here already: ${beadsDir}\n\n${listChanges(changes)}`;
}
