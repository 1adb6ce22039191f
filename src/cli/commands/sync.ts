import type { CommandDefinition } from '../command.ts';
import { isSettled } from '../../core/sharing.ts';
import { renderSyncReport, renderSyncStatus } from '../output/sync-text.ts';

export const syncCommand: CommandDefinition = {
  name: 'sync',
  about: 'Share now: fetch, merge, commit and push, then report the result',
  flags: [
    ['--status', 'only show the state of sharing'],
    ['--flush-only', 'only write the JSONL file'],
    ['--publish', 'push the branch again after it was deleted on the remote'],
    ['--full', ''],
    ['-m, --message <text>', ''],
    ['--no-git-history', ''],
    ['--squash', ''],
  ],
  async run(invocation) {
    const { flags, io, call, print, confirm } = invocation;
    if (flags.has('status')) {
      const status = await call('sync_status', {});
      return print({ json: status, text: renderSyncStatus(status) });
    }
    if (flags.has('flush-only')) {
      const { path, exported } = await call('export', {});
      const lines = `${exported} ${exported === 1 ? 'line' : 'lines'}`;
      return confirm({ json: { path, exported }, text: `Wrote ${lines} to ${path}\n` });
    }
    const report = await call('sync', { publish: flags.isSet('publish') });
    if (isSettled(report.state)) {
      confirm({ json: report, text: renderSyncReport(report) });
      if (report.error !== null) io.stderr(`Warning: ${report.error}\n`);
      return 0;
    }
    print({ json: report, text: '' });
    const { error, remedy } = await call('sync_status', {});
    if (error === null && report.error !== null) {
      // The cycle is still running, so the error is what it waits for.
      io.stderr(`Error: ${report.error}\n`);
      return 1;
    }
    io.stderr(`Error: ${error ?? renderSyncReport(report).trimEnd()}\n`);
    io.stderr(`${remedy ?? 'Run `bd sync` again; your changes are kept.'}\n`);
    return 1;
  },
};
