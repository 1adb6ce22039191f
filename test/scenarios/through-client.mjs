// npm run test:clients -- path/to/bd: every scenario through a client in processes of its own, `bin/bd` unless
// another is named. A client is any program that takes the command line of `bd`.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const client = resolve(process.argv[2] ?? resolve(ROOT, 'bin/bd'));

const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.mts',
    'test/scenarios/scenarios.test.ts',
  ],
  { cwd: ROOT, env: { ...process.env, BD_TEST_CLIENT: client }, stdio: 'inherit' },
);
process.exit(status ?? 1);
