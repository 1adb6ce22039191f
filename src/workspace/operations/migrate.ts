import { migrate } from '../init/migrate.ts';
import type { Operations } from './operation.ts';

export const migrateOperations: Operations<'migrate'> = {
  migrate: (workspace, { to, dry_run: isDryRun = false }) => migrate(workspace, { to, isDryRun }),
};
