import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { daemonPidOf, daemonsOf, hasRegistered, isAlive } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import {
  BD,
  createTestWorkspace,
  type TestProject,
  type TestWorkspace,
} from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', clones: 2, client: 'here' });
});
afterEach(() => workspace[Symbol.asyncDispose]());

const idsIn = async (project: TestProject): Promise<string[]> =>
  (await project.bdJson<{ id: string }[]>(['list', '--all', '--limit', '0'])).map(({ id }) => id);

test('a stopped process makes a call end with 5 and say which process it is', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['q', 'First']);
  const pid = daemonPidOf(workspace);
  process.kill(pid, 'SIGSTOP');
  try {
    const run = await workspace.bd(['list', '--json']);
    expect(run.exitCode).toBe(5);
    expect(run.stderr).toContain(String(pid));
    expect(JSON.parse(run.stdout)).toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
    const status = await workspace.bdJson(['daemon', 'status']);
    expect(status).toMatchObject({ status: 'unresponsive', pid });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expect(await idsIn(workspace)).toHaveLength(1);
  expect(daemonPidOf(workspace)).toBe(pid);
});

test('what a client reported as not done is not done later', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['q', 'Before']);
  const pid = daemonPidOf(workspace);
  process.kill(pid, 'SIGSTOP');
  const given = await workspace.bd(['q', 'Given up']);
  process.kill(pid, 'SIGCONT');
  expect(given).toMatchObject({ exitCode: 5, stdout: '' });
  expect(given.stderr).toContain('It was not done');
  expect(await idsIn(workspace)).toHaveLength(1);
  await workspace.bdText(['q', 'Given up']);
  expect(await idsIn(workspace)).toHaveLength(2);
}, 30_000);

test('daemons health, from anywhere, names both workspaces and says which daemon is dead', async () => {
  const [first, second] = [workspace, workspace.clones[1]];
  if (second === undefined) throw new Error('two clones');
  for (const project of [first, second]) {
    await project.bdText(['init', '--prefix', 't']);
    await project.bdText(['daemon', 'start']);
  }
  const health = async () => {
    const run = await first.bd(['daemons', 'health', '--json'], { cwd: workspace.home });
    return { exitCode: run.exitCode, report: JSON.parse(run.stdout) };
  };
  const named = (a: string, b: string) =>
    expect.arrayContaining([
      expect.objectContaining({ workspace: first.directory, status: a }),
      expect.objectContaining({ workspace: second.directory, status: b }),
    ]);
  for (const project of [first, second]) {
    await eventually(() => hasRegistered(workspace, daemonPidOf(project)));
  }
  const before = await health();
  expect(before).toMatchObject({
    exitCode: 0,
    report: { total: 2, healthy: true, healthy_count: 2 },
  });
  expect(before.report.daemons).toEqual(named('healthy', 'healthy'));

  const pid = daemonPidOf(second);
  process.kill(pid, 'SIGKILL');
  await eventually(() => !isAlive(pid));
  const after = await health();
  expect(after).toMatchObject({
    exitCode: 1,
    report: { total: 2, healthy: false, healthy_count: 1, stale: 1 },
  });
  expect(after.report.daemons).toEqual(named('healthy', 'stale'));
  expect(daemonsOf(second), 'looking starts no daemon').toEqual([]);
});

test('a registry that a killed process left locked delays no stop', async () => {
  await workspace.bdText(['init', '--prefix', 't', '--no-daemon']);
  const lock = join(workspace.home, '.beads/registry.lock');
  mkdirSync(lock, { recursive: true });
  const held = setInterval(() => utimesSync(lock, new Date(), new Date()), 500);
  try {
    await workspace.bdText(['daemon', 'start']);
    expect(await workspace.bdText(['daemon', 'stop'])).toContain('Daemon stopped');
  } finally {
    clearInterval(held);
  }
});

test('stop leaves nothing behind, and start says whether one ran', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  expect(await workspace.bdJson(['daemon', 'status'])).toMatchObject({ status: 'not_running' });
  expect(await workspace.bdText(['daemon', 'start'])).toContain('Daemon started');
  expect(await workspace.bdText(['daemon', 'start'])).toContain('already running');
  const pid = daemonPidOf(workspace);
  expect(await workspace.bdJson(['daemon', 'status'])).toMatchObject({ status: 'running', pid });
  expect(await workspace.bdText(['daemon', 'stop'])).toContain(String(pid));
  await eventually(() => !isAlive(pid));
  for (const name of ['bd.sock', 'daemon.pid']) {
    expect(existsSync(join(workspace.beadsDir, name)), name).toBe(false);
  }
  expect(JSON.parse(readFileSync(join(workspace.home, '.beads/registry.json'), 'utf8'))).toEqual(
    [],
  );
  expect((await workspace.bd(['daemon', 'stop'])).stdout).toContain('No daemon');
});

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s ends a daemon after the mirror is written',
  async (signal) => {
    await workspace.bdText(['init', '--prefix', 't']);
    const id = (await workspace.bdText(['q', 'Late'])).trim();
    const pid = daemonPidOf(workspace);
    process.kill(pid, signal);
    await eventually(() => !isAlive(pid));
    expect(readFileSync(join(workspace.beadsDir, 'beads.jsonl'), 'utf8')).toContain(id);
    expect(existsSync(join(workspace.beadsDir, 'bd.sock'))).toBe(false);
  },
);

test('without daemon the answers are the same, and none is started', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  for (const env of [
    { BEADS_NO_DAEMON: '1' },
    { CI: 'true' },
    { BEADS_AUTO_START_DAEMON: 'false' },
  ]) {
    await workspace.bdText(['q', 'Without'], { env });
  }
  await workspace.bdText(['--no-daemon', 'q', 'Without']);
  await workspace.bdText(['q', 'Without', '--sandbox']);
  expect(daemonsOf(workspace)).toEqual([]);
  const direct = await workspace.bdText(['list', '--no-daemon']);
  expect(await workspace.bdText(['list'])).toBe(direct);
  const [pid] = daemonsOf(workspace);
  expect(pid).toBeDefined();
  // One that serves already is used: it holds the workspace.
  expect(await workspace.bdText(['list'], { env: { BEADS_NO_DAEMON: '1' } })).toBe(direct);
  expect(daemonsOf(workspace)).toEqual([pid]);
});

test('where sockets cannot be, commands are done without a daemon', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const preload = join(workspace.root, 'no-sockets.cjs');
  // A sandbox's refusal, in the client: EPERM at connect.
  writeFileSync(
    preload,
    `const net = require('node:net'); net.createConnection = () => {
      const socket = new net.Socket();
      process.nextTick(() => socket.emit('error', Object.assign(new Error('connect EPERM'), { code: 'EPERM' })));
      return socket; };`,
  );
  await workspace.bdText(['daemon', 'start']);
  // Killed, it leaves a socket, so that the client comes as far as connecting.
  process.kill(daemonPidOf(workspace), 'SIGKILL');
  await eventually(() => daemonsOf(workspace).length === 0);
  const env = { NODE_OPTIONS: `--require ${preload}` };
  expect(await workspace.bdText(['q', 'Sandboxed'], { env, program: BD })).toMatch(/^t-/);
  expect(daemonsOf(workspace)).toEqual([]);
});

test('a link that was taken away comes back while the daemon lives', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['q', 'First']);
  const pid = daemonPidOf(workspace);
  rmSync(join(workspace.beadsDir, 'bd.sock'));
  await eventually(() => existsSync(join(workspace.beadsDir, 'bd.sock')), { deadlineMs: 40_000 });
  expect(await idsIn(workspace)).toHaveLength(1);
  expect(daemonPidOf(workspace)).toBe(pid);
});

test('settings that were edited in the file count from the next command on', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['q', 'First']);
  const before = daemonPidOf(workspace);
  // What bd writes itself is known, and changes no daemon.
  await workspace.bdText(['config', 'set', 'issue_prefix', 'u']);
  expect(await workspace.bdText(['q', 'Second'])).toMatch(/^u-/);
  expect(daemonPidOf(workspace)).toBe(before);
  const path = join(workspace.beadsDir, 'config.yaml');
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace('issue_prefix: u', 'issue_prefix: edited'),
  );
  expect(await workspace.bdText(['q', 'Third'])).toMatch(/^edited-/);
  expect(daemonPidOf(workspace)).toBe(before);
  expect(await idsIn(workspace)).toHaveLength(3);
});
