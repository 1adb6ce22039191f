import type { CommandDefinition, Invocation } from '../command.ts';
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
  run: sync,
};

async function sync(invocation: Invocation): Promise<number> {
  const { flags, io, call, print, confirm } = invocation;
  if (flags.has('status')) {
    const status = await call('sync_status', {});
    print({ json: status, text: renderSyncStatus(status) });
    return 0;
  }
  if (flags.has('flush-only')) {
    const { path, exported } = await call('export', {});
    confirm({
      json: { path, exported },
      text: `Wrote ${exported} ${exported === 1 ? 'line' : 'lines'} to ${path}\n`,
    });
    return 0;
  }
  const report = await call('sync', flags.has('publish') ? { publish: true } : {});
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
}
