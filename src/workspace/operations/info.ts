import { VERSION } from '../../core/version.ts';
import { SCHEMA_VERSION } from '../../store/upgrade.ts';
import { configOperations } from './config.ts';
import type { Operations } from './operation.ts';

export const infoOperations: Operations<'ping' | 'get_info'> = {
  ping: (workspace) => ({
    message: 'pong',
    version: VERSION,
    pid: process.pid,
    workspace: workspace.place.projectDir,
  }),

  async get_info(workspace) {
    return {
      workspace: workspace.place.projectDir,
      database_path: workspace.place.file(workspace.metadata.database),
      mirror_path: workspace.mirrorPath,
      prefix: workspace.config.text('issue_prefix'),
      project_id: workspace.metadata.project_id,
      issue_count: workspace.store.queries.count({}),
      schema_version: SCHEMA_VERSION,
      ...(await configOperations.list_config(workspace, {})),
    };
  },
};
