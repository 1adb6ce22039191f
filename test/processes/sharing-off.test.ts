import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

const MODES = [
  ['with a daemon', {}],
  ['without', { BEADS_NO_DAEMON: '1' }],
] as const;

/** Its remote is reached through a program that writes down each time it is, and answers nobody. */
async function createRecorded(): Promise<TestWorkspace & { visits(): number }> {
  const workspace = await createTestWorkspace({ client: 'here' });
  const [visited, ssh] = [join(workspace.root, 'visited'), join(workspace.root, 'ssh.sh')];
  writeFileSync(ssh, `#!/bin/sh\necho "$@" >> '${visited}'\nexit 255\n`, { mode: 0o755 });
  workspace.git('remote', 'add', 'origin', 'ssh://git@nowhere.invalid/project.git');
  workspace.git('config', 'core.sshCommand', ssh);
  const visits = (): number =>
    existsSync(visited) ? readFileSync(visited, 'utf8').trim().split('\n').length : 0;
  return { ...workspace, visits };
}

test.each(MODES)('with --local no remote is ever asked, %s', async (_mode, env) => {
  await using workspace = await createRecorded();
  const bd = async (...args: string[]) => await workspace.bdText(args, { env });
  await bd('init', '--prefix', 't', '--local');
  const id = (await bd('q', 'One')).trim();
  await bd('update', id, '--title', 'Two');
  await bd('sync');
  await bd('close', id);
  await bd('status');
  await eventually(() => subjects(workspace).length > 0);
  await bd('daemon', 'stop');
  await bd('uninstall', '--dry-run', '--force');
  await bd('uninstall', '--force');
  expect(workspace.visits()).toBe(0);
});

test('without it, it is: the program does see who comes', async () => {
  await using workspace = await createRecorded();
  await workspace.bdText(['init', '--prefix', 't']);
  expect(workspace.visits()).toBeGreaterThan(0);
});

test.each(MODES)(
  'sharing that is switched off ends, and changes are committed here, %s',
  async (_mode, env) => {
    await using workspace = await createRecorded();
    const bd = async (...args: string[]) => await workspace.bdText(args, { env });
    await bd('init', '--prefix', 't');
    const waiting = (await bd('q', 'Waits')).trim();
    await workspace.bd(['sync'], { env });
    expect(await statusOf(bd)).toMatchObject({ state: 'offline', pending: 1 });
    await bd('config', 'set', 'sync.push', 'false');
    expect(await statusOf(bd)).toMatchObject({ state: 'off', pending: 0, error: null });
    expect(committed(workspace)).toContain(waiting);
    const before = workspace.visits();
    const late = (await bd('q', 'Late')).trim();
    await bd('sync');
    expect(await statusOf(bd)).toMatchObject({ state: 'off', pending: 0, error: null });
    expect(committed(workspace)).toContain(late);
    expect(workspace.visits()).toBe(before);
  },
);

function subjects(workspace: TestWorkspace): string[] {
  return workspace
    .git('for-each-ref', '--format=%(subject)', 'refs/bd/')
    .split('\n')
    .filter(Boolean);
}

function committed(workspace: TestWorkspace): string {
  return workspace.git('cat-file', 'blob', 'refs/bd/sync:.beads/issues.jsonl');
}

async function statusOf(bd: (...args: string[]) => Promise<string>): Promise<object> {
  return (JSON.parse(await bd('status', '--json')) as { sync: object }).sync;
}
