import { BdError } from '../../core/errors.ts';
import type { Stats } from '../../protocol/methods/issue.ts';
import type { WorkspaceStatus } from '../../protocol/methods/workspace.ts';
import type { CommandDefinition, Invocation } from '../command.ts';
import { alignColumns } from '../output/columns.ts';
import type { Screen } from '../output/screen.ts';
import { renderSyncStatus } from '../output/sync-text.ts';

export const statusCommand: CommandDefinition = {
  name: 'status',
  aliases: ['stats'],
  about: 'Show counts of issues and the state of sharing',
  flags: [
    ['--assigned', 'count what is assigned to --actor only'],
    ['--assignee <name>', 'count what is assigned to this person only'],
    ['--all', ''],
    ['--no-activity', ''],
  ],
  async run(invocation) {
    const { call, screen, print } = invocation;
    const summary = await call('get_stats', { assignee: readAssignee(invocation) });
    const sync = await call('sync_status', {});
    print({ json: { summary, sync }, text: renderStatus(summary, sync, screen) });
  },
};

function readAssignee({ flags, actor }: Invocation): string | undefined {
  const assignee = flags.text('assignee');
  if (assignee !== undefined || !flags.has('assigned')) return assignee;
  if (actor !== undefined) return actor;
  throw new BdError('USAGE', {
    message: '--assigned needs an actor',
    remedy: 'Add --actor NAME, or use --assignee NAME.',
  });
}

function renderStatus(summary: Stats, sync: WorkspaceStatus, screen: Screen): string {
  const rows: (readonly [string, number])[] = [
    ['Total Issues', summary.total_issues],
    ['Ready', summary.ready_issues],
    ['Open', summary.open_issues],
    ['In Progress', summary.in_progress_issues],
    ['Blocked', summary.blocked_issues],
    ['Deferred', summary.deferred_issues],
    ['Pinned', summary.pinned_issues],
    ['Closed', summary.closed_issues],
  ];
  const counts = alignColumns(
    rows.map(([name, count]) => [`${name}:`, String(count)]),
    screen,
  );
  return `${counts}\n${renderSyncStatus(sync)}`;
}
