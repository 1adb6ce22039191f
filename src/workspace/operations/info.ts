import { VERSION } from '../../core/version.ts';
import { SCHEMA_VERSION } from '../../store/upgrade.ts';
import { configOperations } from './config.ts';
import type { Operations } from './operation.ts';

export const infoOperations: Operations<'ping' | 'get_info'> = {
  ping: (workspace) => ({
    message: 'pong',
    version: VERSION,
    pid: process.pid,
    workspace: workspace.projectDir,
  }),

  async get_info(workspace) {
    return {
      workspace: workspace.projectDir,
      database_path: workspace.databasePath,
      mirror_path: workspace.mirrorPath,
      prefix: workspace.prefix(),
      project_id: workspace.projectId,
      issue_count: workspace.store.queries.count({}),
      schema_version: SCHEMA_VERSION,
      ...(await configOperations.list_config(workspace, {})),
    };
  },
};
