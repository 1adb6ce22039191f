// npm run fuzz:client -- --seed 7 --frames 100000: see fuzz.test.ts, which runs a few with each `npm test`.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    frames: { type: 'string', default: '100000' },
  },
});
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.mts',
    'test/native/fuzz.test.ts',
  ],
  {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { ...process.env, FUZZ_SEED: values.seed, FUZZ_FRAMES: values.frames },
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
