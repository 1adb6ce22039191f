// npm run simulate -- --seed 7 --rounds 60, or --seeds 20 for the first twenty: clones and a remote with real git.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '60' },
  },
});
const seeds =
  values.seed ?? Array.from({ length: Number(values.seeds) }, (_, at) => at + 1).join(' ');

const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.mts',
    'test/sync/simulation.test.ts',
  ],
  {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { ...process.env, SIMULATION_SEEDS: seeds, SIMULATION_ROUNDS: values.rounds },
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
