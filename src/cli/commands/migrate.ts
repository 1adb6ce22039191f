import { BdError } from '../../core/errors.ts';
import { SYNC_MODES } from '../../core/sharing.ts';
import type { CommandDefinition } from '../command.ts';
import { renderMigration } from '../output/change-list.ts';

export const migrateCommand: CommandDefinition = {
  name: 'migrate',
  about: 'Change how issues are shared: on a branch of their own, or with your commits',
  flags: [
    ['--to <mode>', 'branch, worktree or checked-out, as in `bd init --mode`'],
    ['--dry-run', 'show what would be changed, and change nothing'],
  ],
  async run({ flags, call, io, print, confirm }) {
    const to = flags.choice('to', SYNC_MODES);
    if (to === undefined) {
      throw new BdError('USAGE', {
        message: 'bd migrate needs to know where to',
        remedy: `Add --to ${SYNC_MODES.join(', --to ')}.`,
      });
    }
    const report = await call('migrate', { to, dry_run: flags.isSet('dry-run') });
    const { from, dry_run: isPlan, warning } = report;
    const head =
      from === to
        ? `The mode is ${to} already.\n`
        : isPlan
          ? `bd migrate would go from ${from} to ${to}:\n\n`
          : `Moved from ${from} to ${to}.\n\n`;
    const answer = { json: report, text: head + renderMigration(report) };
    if (isPlan) print(answer);
    else confirm(answer);
    if (warning !== null) io.stderr(`Warning: ${warning}\n`);
  },
};
