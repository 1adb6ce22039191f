import type { SyncStatus } from '../../core/sharing.ts';
import { allowPublishing } from '../../sync/branch/branch-memory.ts';
import type { Workspace } from '../workspace.ts';
import { filesKeptAside } from './kept-aside.ts';
import { issuesInConflict } from './open-conflicts.ts';
import type { Operations } from './operation.ts';

export const syncOperations: Operations<'sync' | 'sync_status'> = {
  sync(workspace, { publish }) {
    if (publish === true) allowPublishing(workspace.store);
    return workspace.sync.syncNow({ isAsked: true });
  },
  sync_status(workspace) {
    const status = workspace.sync.status();
    const notice = status.error === null ? quarantineNotice(workspace) : undefined;
    return { ...status, ...notice, conflicts: issuesInConflict(workspace).length };
  },
};

/** Lines that nobody has looked at yet: said until their file is gone. */
function quarantineNotice(workspace: Workspace): Pick<SyncStatus, 'error' | 'remedy'> | undefined {
  const files = filesKeptAside(workspace);
  if (files.length === 0) return undefined;
  return {
    error: `lines that could not be read are kept in ${workspace.place.quarantineDirectory}: ${files.join(', ')}`,
    remedy: 'Mend them, take them in with `bd import -i FILE`, and remove the file.',
  };
}
