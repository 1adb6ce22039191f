import { SYNC_MODES, type SyncMode } from '../../core/sharing.ts';
import { migrate } from '../init/migrate.ts';
import type { Workspace } from '../workspace.ts';
import type { Operations } from './operation.ts';

const MODE = 'sync.mode';
const DEFAULT_MODE: SyncMode = 'branch';

export const configOperations: Operations<
  'get_config' | 'set_config' | 'unset_config' | 'list_config' | 'explain_config'
> = {
  get_config: ({ config }, { key }) => ({ key, value: config.get(key) ?? null }),

  async set_config(workspace, { key, value }) {
    const { config, sync } = workspace;
    const mode = key === MODE ? SYNC_MODES.find((known) => known === value) : undefined;
    if (mode !== undefined && mode !== config.text(MODE)) {
      return { key, value, ...(await changeMode(workspace, mode)) };
    }
    const wasShared = config.truth('sync.push');
    await config.set(key, value);
    // A cycle that asks no remote: what waited is committed here, and no failure of sharing is left.
    if (wasShared && !config.truth('sync.push')) await sync.syncNow();
    return { key, value };
  },

  async unset_config(workspace, { key }) {
    const { config } = workspace;
    // The default: it is moved to before the setting goes, or nobody would move.
    if (key === MODE && config.text(MODE) !== DEFAULT_MODE) {
      return { key, ...(await changeMode(workspace, DEFAULT_MODE)) };
    }
    await config.unset(key);
    return { key };
  },

  async list_config({ config }) {
    const entries = await config.entries();
    const set = entries.filter(({ source }) => source !== 'default');
    return { config: Object.fromEntries(set.map(({ key, value }) => [key, value])) };
  },

  explain_config: async ({ config }) => ({ entries: await config.entries() }),
};

async function changeMode(workspace: Workspace, to: SyncMode) {
  const { changes, left, warning } = await migrate(workspace, { to });
  return { changes, left, warning };
}
