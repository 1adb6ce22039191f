import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireKernelLock } from '../../src/platform/kernel-lock.ts';
import { eventually } from '../support/eventually.ts';
import {
  BD,
  createTestWorkspace,
  type RunOptions,
  type TestWorkspace,
} from '../support/test-workspace.ts';

/** Not the user of these tests. */
const NOBODY = 65_534;

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

const there = (name: string): string => join(workspace.beadsDir, name);

interface Status {
  status: string;
  reason?: string;
}

const status = (options?: RunOptions): Promise<Status> =>
  workspace.bdJson<Status>(['daemon', 'status'], options);

/** Full function, without a word and without a daemon. */
async function expectDirect(options: RunOptions, reason: RegExp): Promise<void> {
  const made = await workspace.bd(['q', 'Made alone'], options);
  expect(made).toMatchObject({ exitCode: 0, stderr: '' });
  const listed = await workspace.bd(['list'], options);
  expect(listed).toMatchObject({ exitCode: 0, stderr: '' });
  expect(listed.stdout).toContain('Made alone');
  expect(await status(options)).toMatchObject({ status: 'not_running' });
  expect((await status(options)).reason).toMatch(reason);
  expect(existsSync(there('bd.sock'))).toBe(false);
}

test.each([
  ['BEADS_NO_DAEMON', '1'],
  ['BEADS_AUTO_START_DAEMON', 'false'],
  ['CI', 'true'],
])('%s=%s: commands do without, and status says so', async (name, value) => {
  await expectDirect({ env: { [name]: value } }, new RegExp(`^${name}=${value} is set$`));
});

test('off is remembered in the workspace until on, and stops the daemon that runs', async () => {
  await workspace.bdText(['q', 'First']);
  const pid = workspace.daemonPid();
  expect(await workspace.bdJson(['daemon', 'off'])).toEqual({ daemon: 'off', stopped: true, pid });
  await expectDirect({}, /switched off/);
  const mcp = await workspace.bd(['mcp'], { stdin: '{"jsonrpc":"2.0","id":1,"method":"ping"}\n' });
  expect(mcp).toMatchObject({ exitCode: 5, stdout: expect.stringContaining('bd daemon on') });
  await workspace.bdText(['daemon', 'on']);
  await workspace.bdText(['list']);
  expect(await status()).toMatchObject({ status: 'running' });
});

test('who starts it by hand has it all the same', async () => {
  await workspace.bdText(['daemon', 'off']);
  await workspace.bdText(['daemon', 'start']);
  expect(await status()).toMatchObject({ status: 'running' });
});

test('stop --hold keeps it from starting for that long, and no longer', async () => {
  await workspace.bdText(['q', 'First']);
  expect(await workspace.bdText(['daemon', 'stop', '--hold', '1h'])).toContain('for 1h');
  await expectDirect({}, /held off here until 20/);
  const note = JSON.parse(readFileSync(there('daemon.off'), 'utf8')) as { until: string };
  writeFileSync(there('daemon.off'), JSON.stringify({ ...note, until: '2020-01-01T00:00:00Z' }));
  await workspace.bdText(['list']);
  expect(await status()).toMatchObject({ status: 'running' });
  for (const wrong of ['soon', '25h', '']) {
    const run = await workspace.bd(['daemon', 'stop', '--hold', wrong]);
    expect(run).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(`"${wrong}"`) });
  }
  expect(await status()).toMatchObject({ status: 'running' });
});

test('daemon.auto_start: false starts none by itself', async () => {
  await workspace.bdText(['config', 'set', 'daemon.auto_start', 'false'], {
    env: { BEADS_NO_DAEMON: '1' },
  });
  await expectDirect({}, /daemon\.auto_start is false/);
  await workspace.bdText(['daemon', 'start']);
  expect(await status()).toMatchObject({ status: 'running' });
});

test('on a network file system commands do without, and so it says to who wants one', async () => {
  const preload = join(workspace.root, 'network.cjs');
  writeFileSync(
    preload,
    `const fs = require('node:fs'); const real = fs.statfsSync;
     fs.statfsSync = (...args) => ({ ...real(...args), type: 0x6969 });`,
  );
  const options = { env: { NODE_OPTIONS: `--require ${preload}` }, program: BD };
  await expectDirect(options, /network file system/);
  const start = await workspace.bd(['daemon', 'start'], options);
  expect(start).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('network') });
});

test.skipIf(process.getuid?.() !== 0)(
  'in a workspace of another user commands do without, and what they make is that user’s',
  async () => {
    rmSync(there('daemon.lock'));
    const kept = new Set(readdirSync(workspace.beadsDir));
    for (const path of [workspace.beadsDir, ...[...kept].map(there)]) {
      chownSync(path, NOBODY, NOBODY);
    }
    await expectDirect({}, /belongs to another user \(number 65534\)/);
    const owners = readdirSync(workspace.beadsDir).map((name) => [name, statSync(there(name)).uid]);
    expect(owners).toEqual(owners.map(([name]) => [name, NOBODY]));
    expect(owners.map(([name]) => name)).toContain('daemon.lock');
    const start = await workspace.bd(['daemon', 'start']);
    expect(start).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('another user') });
    chownSync(workspace.beadsDir, 0, 0);
  },
);

test('commands that do without wait for each other as long as they are told to', async () => {
  const env = { BEADS_NO_DAEMON: '1' };
  const lock = await acquireKernelLock(join(workspace.beadsDir, 'daemon.lock'), { waitMs: 5_000 });
  const wait = (...timeout: string[]) => workspace.bd(['count', ...timeout], { env, program: BD });
  expect(await wait('--lock-timeout', '100ms')).toMatchObject({
    exitCode: 5,
    stderr: expect.stringContaining('did not release it within 0.1 s') as string,
  });
  expect(await wait('--lock-timeout', 'soon')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('--lock-timeout is "soon"') as string,
  });
  const patient = wait('--lock-timeout', '40s');
  lock?.release();
  expect(await patient).toMatchObject({ exitCode: 0 });
});

test('a start that fails is told once, and then commands do without at once', async () => {
  const open = join(workspace.root, 'open');
  mkdirSync(open);
  chmodSync(open, 0o755);
  const env = { BEADS_SOCKET_PATH: join(open, 'x.sock') };
  const first = await workspace.bd(['q', 'First'], { env });
  expect(first).toMatchObject({ exitCode: 0 });
  expect(first.stderr).toMatch(
    /^Done without a daemon: BEADS_SOCKET_PATH is ".*" *: .* open to other users\n$/,
  );
  expect(statSync(open).mode & 0o777, 'a directory of others is left alone').toBe(0o755);
  await expectDirect({ env }, /did not start a moment ago: BEADS_SOCKET_PATH/);
  // Who asks for it, or mends it, need not wait.
  expect(await workspace.bd(['daemon', 'start'], { env })).toMatchObject({ exitCode: 2 });
  await workspace.bdText(['daemon', 'start']);
  expect(existsSync(there('daemon.failed'))).toBe(false);
});

test('what keeps the command itself from being done is told as its own failure, once', async () => {
  const env = { BD_DAEMON_LOG_LEVEL: 'loud' };
  for (const run of [
    await workspace.bd(['list'], { env }),
    await workspace.bd(['list'], { env }),
  ]) {
    expect(run.exitCode).toBe(2);
    expect(run.stderr).toMatch(
      /^Error: daemon\.log_level is "loud" \(from BD_DAEMON_LOG_LEVEL\)\n.*\n$/,
    );
  }
});

test('a planted note is not believed, nor written through', async () => {
  const elsewhere = join(workspace.root, 'elsewhere');
  writeFileSync(elsewhere, JSON.stringify({ since: '2026-01-01T00:00:00Z' }));
  symlinkSync(elsewhere, there('daemon.off'));
  expect((await status()).reason).toBeUndefined();
  const off = await workspace.bd(['daemon', 'off']);
  expect(readFileSync(elsewhere, 'utf8')).toContain('2026-01-01');
  expect(off.exitCode).toBe(0);
  expect((await status()).reason).toMatch(/switched off/);
});

test('a socket lies where it was wished for, and every shell finds it', async () => {
  const wished = join(workspace.root, 'mine', 'x.sock');
  await workspace.bdText(['q', 'First'], { env: { BEADS_SOCKET_PATH: wished } });
  const target = readlinkSync(there('bd.sock'));
  expect(dirname(target)).toBe(dirname(wished));
  expect(statSync(dirname(wished)).mode & 0o777).toBe(0o700);
  const pid = workspace.daemonPid();
  expect(await workspace.bdText(['list'])).toContain('First');
  expect(workspace.daemonPid()).toBe(pid);
});

test.each([
  ['relative', 'x.sock', /not an absolute path/],
  ['too long', `/tmp/${'x'.repeat(90)}/x.sock`, /longer than 100 bytes/],
])('a wish for a path that is %s is refused with the reason', async (_what, wished, reason) => {
  const start = await workspace.bd(['daemon', 'start'], { env: { BEADS_SOCKET_PATH: wished } });
  expect(start.exitCode).toBe(2);
  expect(start.stderr).toMatch(reason);
});

test('a daemon holds nothing of the process that started it', async () => {
  const held = join(workspace.root, 'held');
  const script = `exec 9>"$1" 8<"$1"; answer=$("$2" "$3" q First); echo "got $answer"`;
  const args = ['-c', script, 'sh', held, process.execPath, BD];
  const shell = spawnSync('sh', args, {
    cwd: workspace.directory,
    env: workspace.env,
    encoding: 'utf8',
  });
  expect(shell).toMatchObject({ status: 0, stderr: '' });
  expect(shell.stdout).toMatch(/^got t-/);
  const pid = await eventually(() => workspace.daemonPid());
  const descriptors = (): string[] =>
    readdirSync(`/proc/${pid}/fd`).map((fd) => `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`);
  const seen = await eventually(() => {
    const now = descriptors();
    // The pipe of the start is closed with the first word on it.
    return now.some((each) => each.startsWith('3 pipe')) ? false : now;
  });
  expect(seen.filter((each) => each.endsWith(held))).toEqual([]);
  expect(seen).toContain('0 /dev/null');
  for (const fd of [1, 2]) expect(seen).toContain(`${fd} ${there('daemon.log')}`);
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
});
