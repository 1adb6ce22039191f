import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { acquireKernelLock } from '../../src/platform/kernel-lock.ts';
import { buildProgram } from '../support/faulty-process.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

const DAEMON = resolve(import.meta.dirname, '../../dist/bd-daemon.js');

/** `npm run soak` asks for more. */
const ROUNDS = process.env['LOCK_ROUNDS'] ?? '50';

const children: ChildProcess[] = [];
let build: TempDirectory;
let program: string;
let workspace: TestWorkspace;
let lockPath: string;

beforeAll(async () => {
  build = createTempDirectory();
  program = await buildProgram('hold-lock', build.path);
});
afterAll(() => build[Symbol.dispose]());
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  lockPath = join(workspace.beadsDir, 'daemon.lock');
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await workspace[Symbol.asyncDispose]();
});

async function isHeld(path: string): Promise<boolean> {
  const lock = await acquireKernelLock(path, { waitMs: 0 });
  lock?.release();
  return lock === undefined;
}

test('a lock whose holder forgets it is not collected with it', async () => {
  const path = join(workspace.root, 'lock');
  const child = spawn(process.execPath, ['--expose-gc', program, 'hold', path]);
  children.push(child);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(String(said)).toBe('collected\n');
  expect(await isHeld(path)).toBe(true);
});

test('of processes that want it at the same time, again and again, one has it', async () => {
  const [path, marker] = [join(workspace.root, 'lock'), join(workspace.root, 'marker')];
  const ends = [1, 2, 3, 4].map(async () => {
    const child = spawn(process.execPath, [program, 'contend', path, ROUNDS, marker], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stderr };
  });
  for (const end of await Promise.all(ends)) expect(end).toEqual({ code: 0, stderr: '' });
}, 600_000);

/** Whoever opens and closes the file in the process that holds the lock loses it, as POSIX has it. */
test('whatever the daemon is asked to do, it opens the lock’s file no second time', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bd(['daemon', 'stop']);
  const record = join(workspace.root, 'opened');
  const preload = join(workspace.root, 'record-opens.cjs');
  writeFileSync(
    preload,
    `const fs = require('node:fs');
    const { appendFileSync } = fs;
    const names = ['open', 'openSync', 'readFile', 'readFileSync', 'copyFile', 'copyFileSync', 'cp', 'cpSync',
      'createReadStream', 'createWriteStream', 'writeFile', 'writeFileSync', 'appendFile', 'rm', 'rmSync',
      'rename', 'renameSync', 'unlink', 'unlinkSync'];
    let busy = false;
    for (const target of [fs, fs.promises]) for (const name of names) {
      const original = target[name];
      if (original === undefined) continue;
      target[name] = function (...args) {
        const isLock = args.some((arg) => /daemon\\.lock$/.test(String(arg)));
        if (!busy && (isLock || name === 'openSync')) {
          busy = true;
          appendFileSync(${JSON.stringify(record)}, name + ' ' + String(args[0]) + '\\n');
          busy = false;
        }
        return original.apply(this, args);
      };
    }
    require('node:module').syncBuiltinESMExports();`,
  );
  const daemon = spawn(process.execPath, ['--require', preload, DAEMON, workspace.beadsDir], {
    env: workspace.env,
    stdio: 'ignore',
  });
  children.push(daemon);
  await eventually(() => workspace.daemonPid() === daemon.pid);
  const id = (await workspace.bdText(['q', 'One'])).trim();
  const file = join(workspace.root, 'issues.jsonl');
  const commands = [
    ['list', '--all'],
    ['show', id],
    ['update', id, '--priority', '1'],
    ['close', id],
    ['sync'],
    ['export', '-o', file],
    ['import', '-i', file],
    ['status'],
    ['info'],
    ['where'],
    ['conflicts'],
    ['config', 'explain'],
    ['daemon', 'status'],
    ['daemons', 'list'],
    ['daemons', 'health'],
  ];
  for (const command of commands) {
    await workspace.bdText(command);
    expect(await isHeld(lockPath), `after bd ${command.join(' ')}`).toBe(true);
  }
  const fds = `/proc/${daemon.pid}/fd`;
  const open = readdirSync(fds).filter((fd) => {
    // The descriptor of this very listing is gone by now.
    const path = join(fds, fd);
    return existsSync(path) && readlinkSync(path) === lockPath;
  });
  expect(open).toHaveLength(1);
  const opened = readFileSync(record, 'utf8');
  expect(opened, 'the recorder sees what the daemon opens').toContain('openSync');
  expect(opened).not.toContain('daemon.lock');
  expect(workspace.daemonPid()).toBe(daemon.pid);
}, 60_000);
