import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DRAIN_TIMEOUT_MS } from '../../src/core/limits.ts';
import { startBareDaemon } from '../support/bare-daemon.ts';
import { daemonPidOf, isAlive } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { removeTree } from '../support/temp-directory.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

function openedBy(pid: number): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((name) => {
    try {
      return [readlinkSync(join(directory, name))];
    } catch {
      return []; // Closed meanwhile.
    }
  });
}

/** An `rm -r` beside a daemon that is just writing may find a directory that is not empty: that is no fault. */
async function hasWritten(title: string): Promise<void> {
  const text = (name: string): string => readFileSync(join(workspace.beadsDir, name), 'utf8');
  await eventually(() => text('beads.jsonl').includes(title));
  await eventually(() => text('daemon.log').includes('"msg":"serving"'));
}

/** A client whose request never ends: it is asked for its input, and does not answer. */
async function hold(): Promise<Disposable> {
  const client = createConnection(join(workspace.beadsDir, 'bd.sock'));
  client.on('error', () => {});
  const params = { argv: ['import'], cwd: workspace.directory };
  client.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'run_command', params })}\n`);
  await new Promise<void>((asked) => {
    client.on('data', (piece) => {
      if (String(piece).includes('read_stdin')) asked();
    });
  });
  return { [Symbol.dispose]: () => void client.destroy() };
}

/** For the slowest machine: what is promised is 2 s to finish what runs, and the mirror. */
const END = { deadlineMs: DRAIN_TIMEOUT_MS + 8_000 };

test('it works in no directory of anybody, in a session of its own, without the shell’s terminal', async () => {
  await workspace.bdText(['q', 'First'], { program: BD });
  const pid = daemonPidOf(workspace);
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
  const [, group, session] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) . /, '')
    .split(' ')
    .map(Number);
  expect([group, session]).toEqual([pid, pid]);
  for (const stream of [0, 1, 2]) {
    expect(readlinkSync(`/proc/${pid}/fd/${stream}`)).toMatch(/^\/dev\/null$|daemon\.log$/);
  }
});

test('it holds no descriptor of the shell that started it, as a lock or a pipe would be', async () => {
  const held = join(workspace.root, 'held');
  const descriptor = openSync(held, 'w');
  const none = Array.from({ length: 37 }, () => 'ignore' as const);
  const shell = spawn(process.execPath, [BD, 'q', 'First'], {
    cwd: workspace.directory,
    env: workspace.env,
    // As in `(flock 40; bd q First) 40>held`.
    stdio: ['ignore', 'ignore', 'ignore', ...none, descriptor],
  });
  closeSync(descriptor);
  await new Promise((done) => shell.once('exit', done));
  await eventually(() => workspace.daemonPid() !== undefined);
  const opened = openedBy(daemonPidOf(workspace));
  expect(opened).toContain(join(workspace.beadsDir, 'daemon.lock'));
  expect(opened).not.toContain(held);
});

test.each(['SIGKILL', 'SIGHUP', 'SIGINT'] as const)(
  'it outlives the shell that started it, and %s for all of its process group',
  async (signal) => {
    const shell = spawn(
      'sh',
      // A shell that runs a command when the signal comes may go on after it: this one has become the sleep.
      ['-c', '"$0" "$1" q First && echo done && exec sleep 600', process.execPath, BD],
      {
        cwd: workspace.directory,
        env: workspace.env,
        detached: true,
      },
    );
    let said = '';
    shell.stdout.on('data', (piece: Buffer) => (said += String(piece)));
    await eventually(() => said.endsWith('done\n'), { what: 'the end of bd q' });
    const pid = daemonPidOf(workspace);
    const ended = new Promise((done) => shell.once('exit', done));
    process.kill(-Number(shell.pid), signal);
    await ended;
    expect(await workspace.bdText(['list'])).toContain('First');
    expect(daemonPidOf(workspace)).toBe(pid);
    expect(isAlive(pid)).toBe(true);
  },
);

test('told to end, it finishes within its time though a client never lets its request end', async () => {
  await workspace.bdText(['q', 'Kept']);
  const pid = daemonPidOf(workspace);
  using _client = await hold();
  process.kill(pid, 'SIGTERM');
  await eventually(() => !isAlive(pid), END);
  expect(readFileSync(join(workspace.beadsDir, 'beads.jsonl'), 'utf8')).toContain('Kept');
  for (const name of ['bd.sock', 'daemon.pid', 'daemon.crash']) {
    expect(existsSync(join(workspace.beadsDir, name)), name).toBe(false);
  }
});

test('told twice, it does not even finish what runs', async () => {
  const daemon = startBareDaemon(workspace, { env: workspace.env, nodeOptions: [] });
  expect(await daemon.firstWord).toBe('R');
  using _client = await hold();
  process.kill(daemon.pid, 'SIGTERM');
  process.kill(daemon.pid, 'SIGINT');
  expect(await daemon.ended).toBe(1);
  // What a killed one leaves the next one puts in order.
  expect(await workspace.bdText(['q', 'Next'])).toMatch(/^t-/);
});

test.each<[string, () => void | Promise<void>]>([
  ['.beads is deleted', () => removeTree(workspace.beadsDir)],
  [
    '.beads is deleted with a pause',
    async () => {
      rmSync(join(workspace.beadsDir, 'beads.jsonl'));
      const rest = readdirSync(workspace.beadsDir);
      // As a busy machine makes one; who deletes goes by the names that were there before.
      await pause(200);
      for (const name of rest)
        rmSync(join(workspace.beadsDir, name), { recursive: true, force: true });
      rmdirSync(workspace.beadsDir);
    },
  ],
  ['.beads is moved', () => renameSync(workspace.beadsDir, join(workspace.root, 'moved'))],
  ['the project is deleted', () => removeTree(workspace.directory)],
  ['the lock is deleted', () => rmSync(join(workspace.beadsDir, 'daemon.lock'))],
])(
  'when %s it is gone within 15 s without being called, and has put nothing back',
  async (what, act) => {
    const issues = Array.from({ length: 20 }, (_, at) => ({ id: `t-${at}`, title: `Issue ${at}` }));
    const stdin = issues.map((issue) => `${JSON.stringify(issue)}\n`).join('');
    await workspace.bdText(['import', '--sandbox'], { stdin });
    await workspace.bdText(['q', 'Served']);
    await hasWritten('Served');
    const pid = daemonPidOf(workspace);
    await act();
    await eventually(() => !isAlive(pid), { deadlineMs: 15_000 });
    if (what === 'the lock is deleted')
      expect(existsSync(join(workspace.beadsDir, 'daemon.lock'))).toBe(false);
    else expect(existsSync(workspace.beadsDir)).toBe(false);
  },
);

test('a new project in the place of a deleted one is not touched by the daemon of the old one', async () => {
  await workspace.bdText(['q', 'Old']);
  await hasWritten('Old');
  const pid = daemonPidOf(workspace);
  removeTree(workspace.beadsDir);
  mkdirSync(workspace.beadsDir);
  writeFileSync(join(workspace.beadsDir, 'note'), 'mine');
  await eventually(() => !isAlive(pid), { deadlineMs: 15_000 });
  expect(existsSync(join(workspace.beadsDir, 'beads.jsonl'))).toBe(false);
  expect(existsSync(join(workspace.beadsDir, 'daemon.log'))).toBe(false);
  expect(existsSync(join(workspace.beadsDir, 'bd.sock'))).toBe(false);
});
