import { OVERDUE_NOTICE_INTERVAL_MS } from '../../core/limits.ts';
import { isOverdue, type SyncStatus } from '../../core/sharing.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Overdue } from '../../protocol/methods/workspace.ts';
import { allowPublishing } from '../../sync/branch/branch-memory.ts';
import { listQuarantine } from '../../sync/intake/unreadable-lines.ts';
import type { Workspace } from '../workspace.ts';
import { issuesInConflict } from './open-conflicts.ts';
import type { Operations } from './operation.ts';

export const syncOperations: Operations<
  'sync' | 'sync_status' | 'take_overdue_notice',
  Pick<Workspace, 'store' | 'sync' | 'place' | 'clock'>
> = {
  sync({ store, sync }, { publish }) {
    if (publish === true) allowPublishing(store);
    return sync.syncNow({ isAsked: true });
  },

  sync_status({ store, sync, place }) {
    const status = sync.status();
    const notice = status.error === null ? quarantineNotice(place) : undefined;
    return { ...status, ...notice, conflicts: issuesInConflict({ store }).length };
  },

  take_overdue_notice({ sync, store, clock }) {
    const status = sync.status();
    const { pending, oldest_pending_s: waited, error } = status;
    if (waited === null || !isOverdue(status)) return { overdue: null };
    const nowMs = clock.nowMs();
    const sinceMs = nowMs - (store.state.get('overdue_told_ms') ?? -Infinity);
    // Negative when the clock was set back; the notice is due then too.
    if (sinceMs >= 0 && sinceMs < OVERDUE_NOTICE_INTERVAL_MS) return { overdue: null };
    // In the store, as each command without daemon is a process of its own.
    store.state.set('overdue_told_ms', nowMs);
    const since = timestampAt(nowMs - waited * 1000);
    return { overdue: { pending, since, error } satisfies Overdue };
  },
};

/** Reported until the files are gone. */
function quarantineNotice({
  quarantineDirectory,
}: Workspace['place']): Pick<SyncStatus, 'error' | 'remedy'> | undefined {
  const files = listQuarantine(quarantineDirectory);
  if (files.length === 0) return undefined;
  return {
    error: `lines that could not be read are kept in ${quarantineDirectory}: ${files.join(', ')}`,
    remedy: 'Correct them, take them in with `bd import -i FILE`, and remove the file.',
  };
}
