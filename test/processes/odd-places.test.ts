import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

test('in a directory that is deleted a command says so, and does its work for a project that is named', () => {
  const gone = join(workspace.root, 'gone');
  mkdirSync(gone);
  const bd = (args: string): ReturnType<typeof spawnSync> =>
    spawnSync(
      'sh',
      ['-c', `mkdir -p ${gone} && cd ${gone} && rmdir ${gone} && exec node ${BD} ${args}`],
      {
        env: workspace.env,
        encoding: 'utf8',
      },
    );
  for (const command of ['list', 'init', 'daemons list']) {
    expect(bd(command), command).toMatchObject({
      status: 1,
      stderr:
        'Error: the current directory is gone\nChange to one that exists, or name the project with `--directory`.\n',
    });
  }
  expect(bd(`--directory ${workspace.directory} q Found`)).toMatchObject({ status: 0, stderr: '' });
});

test('a project too deep for SQLite is refused with the reason, and nothing is written there', async () => {
  const deep = join(workspace.root, ...Array.from({ length: 4 }, () => 'x'.repeat(150)));
  mkdirSync(deep, { recursive: true });
  const run = await workspace.bd(['init', '--prefix', 'd'], { cwd: deep });
  expect(run).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(
      / is too long for SQLite\nMove the project: the path may have 512 bytes\.\n$/,
    ),
  });
  expect(readdirSync(join(deep, '.beads'))).toEqual([]);
});

test('without a home directory there is a daemon, and only no entry of it for dashboards', async () => {
  const env = { HOME: undefined };
  await workspace.bdText(['daemon', 'stop']);
  await workspace.bdText(['q', 'Homeless'], { env });
  expect(workspace.daemonPid()).toBeDefined();
  await expect
    .poll(() => workspace.bdJson(['daemon', 'status'], { env }))
    .toMatchObject({
      last_error: { message: 'cannot write the registry: there is no home directory' },
    });
  expect(await workspace.bdJson(['daemons', 'list'], { env })).toMatchObject([
    { workspace: workspace.directory, status: 'healthy' },
  ]);
});
