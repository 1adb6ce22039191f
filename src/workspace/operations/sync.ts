import type { Operations } from './operation.ts';

export const syncOperations: Operations<'sync' | 'sync_status'> = {
  sync: (workspace) => workspace.sync.syncNow(),
  sync_status: (workspace) => workspace.sync.status(),
};
