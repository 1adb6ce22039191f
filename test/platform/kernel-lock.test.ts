import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { acquireKernelLock } from '../../src/platform/kernel-lock.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let path: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  temp = createTempDirectory();
  path = join(temp.path, 'daemon.lock');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  temp[Symbol.dispose]();
});

/** Another process that takes the lock for good; resolves when it has it. */
async function holdElsewhere(): Promise<ChildProcess> {
  const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
  const code = `const d = new (require(${JSON.stringify(sqlite)}))(${JSON.stringify(path)}, { timeout: 0 });
    d.pragma('locking_mode = EXCLUSIVE'); d.exec('BEGIN EXCLUSIVE'); globalThis.d = d;
    console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise((held) => child.stdout.once('data', held));
  return child;
}

test('one holder at a time; released, it is free, and the file stays', async () => {
  const first = await acquireKernelLock(path, { waitMs: 0 });
  expect(first).toBeDefined();
  expect(await acquireKernelLock(path, { waitMs: 0 })).toBeUndefined();
  first?.release();
  const second = await acquireKernelLock(path, { waitMs: 0 });
  expect(second).toBeDefined();
  second?.release();
  expect(existsSync(path)).toBe(true);
});

test('holding it takes no space: there is one empty file', async () => {
  const lock = await acquireKernelLock(path, { waitMs: 0 });
  expect(readdirSync(temp.path)).toEqual(['daemon.lock']);
  expect(statSync(path).size).toBe(0);
  lock?.release();
});

test('of many contenders exactly one wins', async () => {
  const locks = await Promise.all(
    Array.from({ length: 12 }, () => acquireKernelLock(path, { waitMs: 0 })),
  );
  const won = locks.filter((lock) => lock !== undefined);
  expect(won).toHaveLength(1);
  won[0]?.release();
});

test('the lock of a killed process is free at once, and a wait ends with it', async () => {
  const holder = await holdElsewhere();
  expect(await acquireKernelLock(path, { waitMs: 0 })).toBeUndefined();
  const waiting = acquireKernelLock(path, { waitMs: 30_000 });
  holder.kill('SIGKILL');
  const lock = await waiting;
  expect(lock).toBeDefined();
  lock?.release();
});

test('who waited for a file that was taken away holds the one that is there now', async () => {
  const holder = await holdElsewhere();
  const waiting = acquireKernelLock(path, { waitMs: 30_000 });
  rmSync(path);
  writeFileSync(path, '');
  holder.kill('SIGKILL');
  const lock = await waiting;
  expect(lock).toBeDefined();
  expect(await acquireKernelLock(path, { waitMs: 0 })).toBeUndefined();
  lock?.release();
});

test('a place without a file system to lock on is an error with the path', async () => {
  await expect(
    acquireKernelLock(join(temp.path, 'missing', 'daemon.lock'), { waitMs: 0 }),
  ).rejects.toMatchObject({ code: 'FILE_UNUSABLE', message: expect.stringContaining('missing') });
});
