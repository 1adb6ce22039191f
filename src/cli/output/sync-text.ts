import type { SyncReport, SyncStatus } from '../../core/sharing.ts';
import type { WorkspaceStatus } from '../../protocol/methods/workspace.ts';
import { renderMoment } from './printable.ts';

/** The state of sharing, what to do about a problem, and conflicts, a line each. */
export function renderSyncStatus(status: WorkspaceStatus): string {
  const last = status.last_ok === null ? '' : `, last shared ${renderMoment(status.last_ok)}`;
  const lines = [`Sync: ${stateText(status)}${last}`];
  if (status.error !== null) lines.push(`  ${status.error}`);
  if (status.remedy !== null) lines.push(`  ${status.remedy}`);
  if (status.conflicts > 0) {
    const issues = status.conflicts === 1 ? '1 issue' : `${status.conflicts} issues`;
    lines.push(`Conflicts: in ${issues} (\`bd conflicts\` lists them)`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

export function renderSyncReport(report: SyncReport): string {
  const numbers = `${report.pushed} sent, ${report.imported} taken in`;
  return report.state === 'ok'
    ? `Shared with ${report.remote ?? 'no remote'}: ${numbers}\n`
    : `Sync: ${stateText(report)}\n`;
}

function stateText({
  state,
  pending,
  remote,
}: Pick<SyncStatus, 'state' | 'pending' | 'remote'>): string {
  const waiting =
    pending === 0 ? '' : `, ${pending} ${pending === 1 ? 'change waits' : 'changes wait'}`;
  switch (state) {
    case 'ok':
      return remote === null ? 'nothing waits to be shared' : `all is shared with ${remote}`;
    case 'pending':
      return `about to share with ${remote ?? 'the remote'}${waiting}`;
    case 'no_remote':
      return 'there is no remote; everything stays in this repository';
    case 'by_hand':
      return 'the issues go with your own commits: commit .beads and push';
    case 'off':
      return 'sharing is off (sync.push is false)';
    case 'offline':
      return `${remote ?? 'the remote'} cannot be reached${waiting}`;
    case 'auth':
      return `${remote ?? 'the remote'} does not know you${waiting}`;
    case 'rejected':
      return `${remote ?? 'the remote'} refused the push${waiting}`;
    case 'blocked':
      return `something here is in the way${waiting}`;
    case 'failed':
      return `the last attempt failed${waiting}`;
    default:
      return state satisfies never;
  }
}
