import type { Operations } from './operation.ts';

export const configOperations: Operations<
  'get_config' | 'set_config' | 'unset_config' | 'list_config' | 'explain_config'
> = {
  get_config: ({ config }, { key }) => ({ key, value: config.get(key) ?? null }),

  async set_config({ config, sync }, { key, value }) {
    const wasShared = config.truth('sync.push');
    await config.set(key, value);
    // A cycle that asks no remote: what waited is committed here, and no failure of sharing is left.
    if (wasShared && !config.truth('sync.push')) await sync.syncNow();
    return { key, value };
  },

  async unset_config({ config }, { key }) {
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
