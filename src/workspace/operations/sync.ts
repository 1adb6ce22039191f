import { readdirSync } from 'node:fs';
import type { SyncStatus } from '../../core/sharing.ts';
import type { Workspace } from '../workspace.ts';
import type { Operations } from './operation.ts';

export const syncOperations: Operations<'sync' | 'sync_status'> = {
  sync: (workspace) => workspace.sync.syncNow(),
  sync_status(workspace) {
    const status = workspace.sync.status();
    return status.error === null ? { ...status, ...quarantineNotice(workspace) } : status;
  },
};

/** Lines that nobody has looked at yet: said until their file is gone. */
function quarantineNotice({
  quarantineDirectory,
}: Workspace): Pick<SyncStatus, 'error' | 'remedy'> | undefined {
  const files = listQuarantine(quarantineDirectory);
  if (files.length === 0) return undefined;
  return {
    error: `lines that could not be read are kept in ${quarantineDirectory}: ${files.join(', ')}`,
    remedy: 'Mend them, take them in with `bd import -i FILE`, and remove the file.',
  };
}

function listQuarantine(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    // Made with the first unreadable line.
    return [];
  }
}
