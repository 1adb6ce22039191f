import { SYNC_MODES, type SyncMode } from '../../core/sharing.ts';
import { VERSION } from '../../core/version.ts';
import type { migrate, MigratingWorkspace } from '../init/migrate.ts';
import type { Workspace } from '../workspace.ts';
import type { Operations } from './operation.ts';

type ConfigMethod = 'get_config' | 'set_config' | 'unset_config' | 'list_config' | 'explain_config';

/** About the workspace as a whole: what it is, its settings, and how it shares. */
export const workspaceOperations: Operations<
  'ping' | 'get_info' | 'migrate' | ConfigMethod,
  MigratingWorkspace & Pick<Workspace, 'metadata' | 'mirrorPath' | 'schemaVersion'>
> = {
  ping: ({ place }) => ({
    message: 'pong',
    version: VERSION,
    pid: process.pid,
    workspace: place.projectDir,
  }),

  async get_info({ place, metadata, mirrorPath, config, store, schemaVersion }) {
    return {
      workspace: place.projectDir,
      database_path: place.file(metadata.database),
      mirror_path: mirrorPath,
      prefix: config.text('issue_prefix'),
      project_id: metadata.project_id,
      issue_count: store.queries.count({}),
      schema_version: schemaVersion,
      config: await listSettings(config),
    };
  },

  get_config: ({ config }, { key }) => ({ key, value: config.get(key) ?? null }),

  async set_config(workspace, { key, value }) {
    const { config, sync } = workspace;
    const mode = key === MODE ? SYNC_MODES.find((known) => known === value) : undefined;
    if (mode !== undefined && mode !== config.text(MODE)) {
      return { key, value, ...(await changeMode(workspace, mode)) };
    }
    const wasShared = config.truth('sync.push');
    await config.set(key, value);
    // This cycle reaches no remote: it commits what was waiting, and clears an earlier failure.
    if (wasShared && !config.truth('sync.push')) await sync.syncNow();
    return { key, value };
  },

  async unset_config(workspace, { key }) {
    const { config } = workspace;
    // Migrate to the default before the setting goes; afterwards there would be nothing to migrate from.
    if (key === MODE && config.text(MODE) !== DEFAULT_MODE) {
      return { key, ...(await changeMode(workspace, DEFAULT_MODE)) };
    }
    await config.unset(key);
    return { key };
  },

  list_config: async ({ config }) => ({ config: await listSettings(config) }),

  explain_config: async ({ config }) => ({ entries: await config.entries() }),

  migrate: (workspace, { to, dry_run: isDryRun = false }) =>
    runMigration(workspace, { to, isDryRun }),
};

const MODE = 'sync.mode';
const DEFAULT_MODE: SyncMode = 'branch';

async function changeMode(workspace: MigratingWorkspace, to: SyncMode) {
  const { changes, left, warning } = await runMigration(workspace, { to });
  return { changes, left, warning };
}

/** Rare, so it is loaded when it is asked for. */
const runMigration: typeof migrate = async (...asked) =>
  (await import('../init/migrate.ts')).migrate(...asked);

/** All that is set; not the defaults. */
async function listSettings(config: Workspace['config']): Promise<Record<string, string>> {
  const entries = await config.entries();
  const set = entries.filter(({ source }) => source !== 'default');
  return Object.fromEntries(set.map(({ key, value }) => [key, value]));
}
