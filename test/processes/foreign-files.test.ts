import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { daemonPidOf, isAlive } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { removeTree } from '../support/temp-directory.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
});
afterEach(() => workspace[Symbol.asyncDispose]());

/** The same project somewhere else, byte for byte, with the live daemon's link in it. */
async function copyProject(): Promise<string> {
  // No file in it is just being written.
  await workspace.bdText(['sync', '--flush-only']);
  const copy = join(workspace.root, 'copy');
  cpSync(workspace.directory, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

test.each([
  ['daemon.pid', ['q', 'Title']],
  ['daemon.log', ['q', 'Title']],
  ['daemon.log', ['daemon', 'run']],
  ['daemon.lock', ['--no-daemon', 'q', 'Title']],
  ['beads.db', ['--no-daemon', 'list']],
])('%s as a link that a repository brought is never written through: bd %j', async (name, args) => {
  await workspace.bdText(['init', '--prefix', 't']);
  const victim = join(workspace.root, 'victim');
  writeFileSync(victim, 'mine\n', { mode: 0o644 });
  rmSync(join(workspace.beadsDir, name), { force: true });
  symlinkSync('../../victim', join(workspace.beadsDir, name));
  const run = await workspace.bd(args, { program: BD });
  expect(run.stderr).toContain(`${name} is a symbolic link to ../../victim`);
  expect(run.exitCode).toBe(1);
  expect(readFileSync(victim, 'utf8')).toBe('mine\n');
});

test('init refuses a directory in which such a link lies', async () => {
  mkdirSync(workspace.beadsDir);
  symlinkSync('../../victim', join(workspace.beadsDir, 'daemon.lock'));
  const run = await workspace.bd(['init', '--prefix', 't']);
  expect(run.stderr).toContain('daemon.lock is a symbolic link');
  expect(existsSync(join(workspace.root, 'victim'))).toBe(false);
});

test('a copy of a project with a running daemon is a project of its own', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['q', 'First']);
  const pid = daemonPidOf(workspace);
  const cwd = await copyProject();
  try {
    await workspace.bdText(['q', 'Only in the copy'], { cwd });
    expect(await workspace.bdText(['list'])).not.toContain('Only in the copy');
    expect(await workspace.bdText(['list'], { cwd })).toContain('Only in the copy');
    expect(workspace.daemonPid(), 'the first daemon lives and is found').toBe(pid);
    expect(await workspace.bdJson(['daemon', 'status'])).toMatchObject({ status: 'running', pid });
  } finally {
    await workspace.bd(['daemon', 'stop'], { cwd });
  }
});

test('a project that was moved is served at its new place at once', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['q', 'First']);
  const pid = daemonPidOf(workspace);
  const moved = join(workspace.root, 'moved');
  renameSync(workspace.directory, moved);
  try {
    expect(await workspace.bdText(['list'], { cwd: moved })).toContain('First');
    await eventually(() => !isAlive(pid));
  } finally {
    await workspace.bd(['daemon', 'stop'], { cwd: moved });
  }
});

test('a daemon whose workspace was made anew ends with the next one who talks to it', async () => {
  await workspace.bdText(['init', '--prefix', 'old']);
  await workspace.bdText(['q', 'Gone']);
  const pid = daemonPidOf(workspace);
  const client = createConnection(join(workspace.beadsDir, 'bd.sock'));
  client.on('error', () => {});
  client.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
  // Answered: the connection is older than what happens now.
  await new Promise((done) => client.once('data', done));
  removeTree(workspace.beadsDir);
  await workspace.bdText(['init', '--prefix', 'new']);
  const request = { issue: { title: 'Too late' } };
  client.write(
    `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'create_issue', params: request })}\n`,
  );
  await eventually(() => !isAlive(pid), { deadlineMs: 8_000, what: 'the end of the old daemon' });
  expect(await workspace.bdText(['q', 'Fresh'])).toMatch(/^new-/);
  expect(await workspace.bdText(['list'])).not.toMatch(/Gone|Too late/);
});

test('settings of the shell that started the daemon are not those of later commands', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const env = { BD_ISSUE_PREFIX: 'zz' };
  await workspace.bdText(['list'], { env });
  expect(await workspace.bdText(['q', 'Later'])).toMatch(/^t-/);
  await workspace.bdText(['daemon', 'stop']);
  expect(await workspace.bdText(['q', 'Alone', '--no-daemon'], { env })).toMatch(/^zz-/);
});

test('without daemon a mirror that cannot be written is a warning, and the work is done', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  rmSync(join(workspace.beadsDir, 'beads.jsonl'), { force: true });
  mkdirSync(join(workspace.beadsDir, 'beads.jsonl'));
  const run = await workspace.bd(['--no-daemon', 'q', 'Kept']);
  expect(run.stdout).toMatch(/^t-/);
  expect(run.stderr).toMatch(/^Warning: .*beads\.jsonl.*\. Check the permissions.*\n$/);
  expect(run.exitCode).toBe(0);
  expect((await workspace.bd(['--no-daemon', 'list'])).stdout).toContain('Kept');
});

test('a daemon that cannot write its mirror at the end leaves nothing of itself behind', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  rmSync(join(workspace.beadsDir, 'beads.jsonl'), { force: true });
  mkdirSync(join(workspace.beadsDir, 'beads.jsonl'));
  await workspace.bdText(['q', 'Kept']);
  const pid = daemonPidOf(workspace);
  const registry = join(workspace.home, '.beads/registry.json');
  await eventually(() => existsSync(registry) && readFileSync(registry, 'utf8').includes('pid'));
  await workspace.bd(['daemon', 'stop']);
  await eventually(() => !isAlive(pid));
  for (const name of ['bd.sock', 'daemon.pid']) {
    expect(existsSync(join(workspace.beadsDir, name)), name).toBe(false);
  }
  expect(JSON.parse(readFileSync(registry, 'utf8'))).toEqual([]);
});

test('a command that waits for its input keeps nobody else out', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const waiting = workspace.start(['--no-daemon', 'import']);
  // More than a pipe holds: when all of it is taken, the command is reading.
  await new Promise((taken) => waiting.stdin.write(`${' '.repeat(50_000)}\n`.repeat(20), taken));
  const line = {
    id: 't-in1',
    title: 'From input',
    status: 'open',
    priority: 1,
    issue_type: 'task',
  };
  for (let round = 0; round < 5; round += 1) {
    expect(await workspace.bdText(['--no-daemon', 'q', `Round ${round}`])).toMatch(/^t-/);
  }
  const ended = new Promise((done) => waiting.once('close', done));
  waiting.stdin.end(
    `${JSON.stringify({ ...line, created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z' })}\n`,
  );
  expect(await ended).toBe(0);
  expect(await workspace.bdText(['--no-daemon', 'list'])).toContain('From input');
});
