import type { CommandDefinition } from '../command.ts';
import { listChanges, renderPreview } from '../output/change-list.ts';

export const uninstallCommand: CommandDefinition = {
  name: 'uninstall',
  runsLocally: true,
  about: 'Undo init; keep issues that exist nowhere else',
  flags: [
    ['--purge-remote', 'delete the branch on the remote too'],
    ['-f, --force', 'also with issues that are nowhere else: leave a copy in ~/.beads/removed'],
    ['--yes', ''],
    ['--dry-run', 'show what would be changed, and change nothing'],
  ],
  async run({ flags, services, print, confirm }) {
    const request = {
      purgesRemote: flags.has('purge-remote'),
      isForced: flags.has('force') || flags.has('yes'),
      isDryRun: flags.has('dry-run'),
    };
    const report = await services.uninstall(request);
    if (request.isDryRun) {
      return print({ json: report, text: renderPreview('uninstall', report.changes) });
    }
    const text = `bd is uninstalled here.\n\n${listChanges(report.changes)}`;
    confirm({ json: report, text });
  },
};
