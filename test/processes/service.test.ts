import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

interface Report {
  path: string;
  content: string;
  left: string[];
  reason: string | null;
}

let workspace: TestWorkspace;
let calls: string;
let env: Record<string, string>;

beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
  // A systemctl that writes down what it was told, and fails when there is a file `fails`, with its words.
  const bin = join(workspace.root, 'bin');
  calls = join(workspace.root, 'calls');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'systemctl'),
    `#!/bin/sh\necho "$@" >> ${calls}\n[ ! -e ${bin}/fails ] || { cat ${bin}/fails >&2; exit 1; }\n`,
    { mode: 0o755 },
  );
  env = { PATH: `${bin}:${workspace.env['PATH']}` };
});
afterEach(() => workspace[Symbol.asyncDispose]());

const told = (): string[] =>
  existsSync(calls) ? readFileSync(calls, 'utf8').trimEnd().split('\n') : [];

const service = async (command: string) =>
  await workspace.bdJson<Report>(['daemon', 'service', command], { env });

test('install writes a unit and starts it; uninstall is its exact inverse', async () => {
  await workspace.bdText(['q', 'First']);
  const { path, content, left } = await service('install');
  const name = path.split('/').at(-1) ?? '';
  expect(path).toBe(join(workspace.home, '.config/systemd/user', name));
  expect(readFileSync(path, 'utf8')).toBe(content);
  expect(left).toEqual([]);
  expect(told()).toEqual(['--user daemon-reload', `--user enable --now ${name}`]);
  expect(existsSync(join(workspace.beadsDir, 'daemon.pid')), 'the one that ran made room').toBe(
    false,
  );
  expect(await service('status')).toEqual({ installed: true, running: true, path });

  rmSync(calls);
  await service('install');
  expect(readFileSync(path, 'utf8'), 'again is the same').toBe(content);
  rmSync(calls);
  expect(await service('uninstall')).toMatchObject({ uninstalled: true, path });
  expect(told()).toEqual([`--user disable --now ${name}`, '--user daemon-reload']);
  expect(readdirSync(workspace.home).filter((each) => each !== '.beads')).toEqual([]);
  expect(await service('uninstall')).toEqual({ uninstalled: false });
  expect(await service('status')).toEqual({ installed: false, running: false, path });
});

test('a directory that was there, or has something else in it, stays', async () => {
  mkdirSync(join(workspace.home, '.config'));
  const { path } = await service('install');
  writeFileSync(join(workspace.home, '.config/systemd/user/other.service'), '');
  await service('uninstall');
  expect(existsSync(path)).toBe(false);
  expect(readdirSync(join(workspace.home, '.config/systemd/user'))).toEqual(['other.service']);
  rmSync(join(workspace.home, '.config/systemd'), { recursive: true });
  await service('install');
  await service('uninstall');
  expect(readdirSync(join(workspace.home, '.config'))).toEqual([]);
});

test('where systemd cannot be told, the commands to run are said', async () => {
  const fails = join(workspace.root, 'bin/fails');
  writeFileSync(fails, '');
  const silent = await service('install');
  expect(silent.reason).toMatch(/^Command failed: systemctl --user daemon-reload$/);
  writeFileSync(fails, 'Failed to connect to bus\n');
  const failed = await service('install');
  const name = failed.path.split('/').at(-1) ?? '';
  expect(failed).toMatchObject({
    reason: 'Failed to connect to bus',
    left: ['systemctl --user daemon-reload', `systemctl --user enable --now ${name}`],
  });
  expect(await service('status')).toMatchObject({ installed: true, running: false });
  const text = await workspace.bdText(['daemon', 'service', 'uninstall'], { env });
  expect(text).toContain(`systemctl --user disable --now ${name}`);
  expect(existsSync(failed.path)).toBe(false);
  // Without any systemctl.
  const nodeOnly = { PATH: join(workspace.root, 'nothing') };
  const missing = await workspace.bdJson(['daemon', 'service', 'install'], { env: nodeOnly });
  expect(missing).toMatchObject({ reason: 'there is no systemctl here' });
});

test('a file of that name that another program made is left alone', async () => {
  const { path } = await service('install');
  writeFileSync(path, '[Service]\n');
  for (const command of ['install', 'uninstall', 'status']) {
    const run = await workspace.bd(['daemon', 'service', command, '--json'], { env });
    expect(run.exitCode).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({ code: 'FILE_UNUSABLE' });
  }
  expect(readFileSync(path, 'utf8')).toBe('[Service]\n');
});

test('bd uninstall takes the service away with the workspace', async () => {
  const { path } = await service('install');
  expect(await workspace.bdText(['uninstall', '--force'], { env })).toContain(path);
  expect(existsSync(path)).toBe(false);
});

test('what the unit runs serves the workspace, and ends in order when it is told to', async () => {
  const { content } = await service('install');
  const words = [...(/^ExecStart=(.*)$/m.exec(content)?.[1] ?? '').matchAll(/"([^"]*)"/g)];
  const [program = '', ...args] = words.map(([, word = '']) => word);
  const daemon = spawn(program, args, { cwd: '/', env: workspace.env, stdio: 'ignore' });
  const ended = new Promise((done) => daemon.once('close', done));
  await eventually(() => existsSync(join(workspace.beadsDir, 'bd.sock')));
  expect(await workspace.bdJson(['daemon', 'status'])).toMatchObject({ pid: daemon.pid });
  await workspace.bdText(['q', 'First']);
  expect(await workspace.bdJson(['daemon', 'stop'])).toEqual({ stopped: true, pid: daemon.pid });
  expect(await ended).toBe(0);
});
