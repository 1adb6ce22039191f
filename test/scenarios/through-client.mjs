// npm run test:clients: every scenario through the Node client, with a daemon and without, and those with a daemon
// through the native one, in processes of their own. Both must print the same, byte by byte. `npm run test:clients
// -- path/to/bd` takes another client instead: any program with the command line of `bd`.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const NATIVE = resolve(ROOT, 'native', `${process.platform}-${process.arch}`, 'bd');
const [named] = process.argv.slice(2);

if (named !== undefined) process.exit(run(resolve(named)));
const failed = run(resolve(ROOT, 'dist/bd.js'));
// Without a daemon it would only hand over.
if (existsSync(NATIVE))
  process.exit(run(resolve(ROOT, 'bin/bd'), ['-t', 'in daemon mode']) || failed);
console.log('The native client was not built, so only the Node client was tried.');
process.exit(failed);

function run(client, only = []) {
  console.log(`\nThrough ${client}`);
  const command = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.mts'];
  const { status } = spawnSync(
    process.execPath,
    [...command, 'test/scenarios/scenarios.test.ts', ...only],
    { cwd: ROOT, env: { ...process.env, BD_TEST_CLIENT: client }, stdio: 'inherit' },
  );
  return status ?? 1;
}
