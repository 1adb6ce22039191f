import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startBareDaemon } from '../support/bare-daemon.ts';
import { createTestWorkspace } from '../support/test-workspace.ts';

/** As a package manager leaves it for a moment: the parts of one version are gone, those of the next not there. */
const WITHOUT_RUNNER = `
  const loader = require('node:module');
  const resolve = loader._resolveFilename;
  loader._resolveFilename = (name, ...rest) => {
    if (name.includes('run-command')) throw new Error('Cannot find ' + name);
    return resolve(name, ...rest);
  };
`;

test('a daemon that starts while its program is replaced has not crashed', async () => {
  await using workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
  const preload = join(workspace.root, 'without-runner.cjs');
  writeFileSync(preload, WITHOUT_RUNNER);
  const daemon = startBareDaemon(workspace, {
    env: workspace.env,
    nodeOptions: ['--require', preload],
  });
  expect(await daemon.firstWord).toBe('R');
  expect(await workspace.bdText(['daemon', 'status'])).toContain(`${daemon.pid}`);
  await workspace.bdText(['daemon', 'stop']);
  expect(await daemon.ended).toBe(0);
  expect(existsSync(join(workspace.beadsDir, 'daemon.crash'))).toBe(false);
});
