import type { Operations } from './operation.ts';

export const configOperations: Operations<
  'get_config' | 'set_config' | 'unset_config' | 'list_config' | 'explain_config'
> = {
  get_config: ({ config }, { key }) => ({ key, value: config.get(key) ?? null }),

  async set_config({ config }, { key, value }) {
    await config.set(key, value);
    return { key, value };
  },

  async unset_config({ config }, { key }) {
    await config.unset(key);
    return { key };
  },

  list_config: ({ config }) => ({
    config: Object.fromEntries(
      config
        .entries()
        .filter(({ source }) => source !== 'default')
        .map(({ key, value }) => [key, value]),
    ),
  }),

  explain_config: ({ config }) => ({ entries: config.entries() }),
};
