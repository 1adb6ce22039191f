import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LOG_BYTES_MAX, LOG_REPEAT_INTERVAL_MS } from '../../src/core/limits.ts';
import { createDaemonLog, createRepeatedLines } from '../../src/daemon/daemon-log.ts';
import { appendToLog, readLogTail } from '../../src/platform/log-file.ts';
import { LOG_LEVELS } from '../../src/platform/log.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let directory: string;
let path: string;

beforeEach(() => {
  temp = createTempDirectory();
  directory = join(temp.path, '.beads');
  mkdirSync(directory);
  path = join(directory, 'daemon.log');
});
afterEach(() => {
  vi.useRealTimers();
  temp[Symbol.dispose]();
});

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('a line is JSON with its time, and nobody else may read it', async () => {
  writeFileSync(path, '', { mode: 0o644 });
  const log = createDaemonLog(path);
  log.warn('that went wrong', { error: new Error('why') });
  expect(linesOf(path)).toMatchObject([
    {
      level: 40,
      msg: 'that went wrong',
      pid: process.pid,
      error: { stack: expect.stringContaining('why') },
    },
  ]);
  expect(Date.parse(String(linesOf(path)[0]?.['time']))).toBeGreaterThan(0);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('while it runs the log stays within two files of 5 MB, and loses only the oldest lines', async () => {
  const log = createDaemonLog(path);
  const text = 'x'.repeat(200_000);
  const count = Math.ceil((3 * LOG_BYTES_MAX) / text.length);
  for (let at = 0; at < count; at += 1) log.info('much', { at, text });
  const files = [`${path}.1`, path];
  for (const file of files) {
    expect(statSync(file).size, file).toBeLessThanOrEqual(LOG_BYTES_MAX);
    expect(statSync(file).mode & 0o777, file).toBe(0o600);
  }
  const kept = files.flatMap(linesOf).map(({ at }) => at);
  expect(kept).toEqual(Array.from(kept, (_, at) => count - kept.length + at));
  expect(kept.length * text.length).toBeGreaterThan(LOG_BYTES_MAX);
});

test('what Node says to the descriptor it was started with is in the log also after that', () => {
  const stderr = openSync(path, 'a');
  appendToLog(path, `${'x'.repeat(80)}\n`, { bytesMax: 100 });
  appendToLog(path, `${'y'.repeat(80)}\n`, { bytesMax: 100 });
  writeSync(stderr, 'FATAL ERROR\n');
  closeSync(stderr);
  expect(readFileSync(path, 'utf8')).toBe(`${'y'.repeat(80)}\nFATAL ERROR\n`);
  expect(readFileSync(`${path}.1`, 'utf8')).toBe(`${'x'.repeat(80)}\n`);
});

test('no line is written through a link, neither to the log nor to the old one', async () => {
  const victim = join(temp.path, 'victim');
  writeFileSync(victim, 'mine');
  symlinkSync(victim, path);
  const log = createDaemonLog(path);
  log.error('secret');
  expect(readFileSync(victim, 'utf8')).toBe('mine');

  rmSync(path);
  symlinkSync(victim, `${path}.1`);
  appendToLog(path, `${'x'.repeat(80)}\n`, { bytesMax: 100 });
  appendToLog(path, `${'y'.repeat(80)}\n`, { bytesMax: 100 });
  expect(readFileSync(victim, 'utf8')).toBe('mine');
  expect(lstatSync(`${path}.1`).isSymbolicLink()).toBe(false);
});

test('a log that was deleted is there again with the next line, and one that cannot be written stops nothing', async () => {
  const log = createDaemonLog(path);
  log.info('first');
  rmSync(path);
  mkdirSync(path);
  log.info('lost');
  rmSync(path, { recursive: true });
  log.info('third');
  expect(linesOf(path)).toMatchObject([{ msg: 'third' }]);
});

test('a daemon whose workspace was moved writes nothing into what takes its place', async () => {
  const log = createDaemonLog(path);
  renameSync(directory, `${directory}.moved`);
  log.info('nowhere');
  expect(existsSync(directory)).toBe(false);
  mkdirSync(directory);
  log.info('not mine');
  expect(existsSync(path)).toBe(false);
});

test('a trouble that lasts is said once an hour, with how often it was held back', async () => {
  const lines = createRepeatedLines();
  const trouble = { message: 'offline' };
  expect([0, 1, 2].map((minute) => lines.count(trouble, minute * 60_000))).toEqual([
    0,
    'known',
    'known',
  ]);
  expect(lines.count({ message: 'another' }, 3)).toBe(0);
  expect(lines.count(trouble, LOG_REPEAT_INTERVAL_MS)).toBe(2);
  expect(lines.count(trouble, LOG_REPEAT_INTERVAL_MS + 1)).toBe('known');

  vi.useFakeTimers({ toFake: ['Date'] });
  const log = createDaemonLog(path);
  for (let minute = 0; minute < 61; minute += 1) {
    vi.setSystemTime(minute * 60_000);
    log.warn('offline', { state: 'offline' });
    log.info('sync works again');
  }
  const said = linesOf(path);
  expect(said.filter(({ msg }) => msg === 'offline')).toMatchObject([{}, { held_back: 59 }]);
  expect(said.filter(({ msg }) => msg === 'sync works again')).toHaveLength(61);
});

test('of many troubles the oldest is forgotten, so that remembering them costs little', () => {
  const lines = createRepeatedLines();
  for (let at = 0; at < 10_000; at += 1) expect(lines.count({ at }, 1)).toBe(0);
  expect(lines.count({ at: 9_999 }, 2)).toBe('known');
  expect(lines.count({ at: 0 }, 2)).toBe(0);
});

test('the end of a log is read in whole lines, and nothing through a link', () => {
  writeFileSync(path, 'first\nsecond\nthird\n');
  expect(readLogTail(path, { bytesMax: 100 })).toEqual(['first', 'second', 'third']);
  expect(readLogTail(path, { bytesMax: 10 })).toEqual(['third']);
  symlinkSync(path, join(directory, 'link'));
  expect(readLogTail(join(directory, 'link'), { bytesMax: 100 })).toEqual([]);
});

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  [undefined, ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
] as const)('at the level %s these lines are written: %j', async (level, expected) => {
  const log = createDaemonLog(path);
  if (level !== undefined) log.setLevel(() => level);
  for (const each of LOG_LEVELS) log[each](`a line of ${each}`);
  const text = readFileSync(path, 'utf8');
  expect(LOG_LEVELS.filter((each) => text.includes(`a line of ${each}`))).toEqual(expected);
});

test('the last warning or error is remembered, also one that is not written again', async () => {
  const log = createDaemonLog(path);
  log.info('serving');
  expect(log.lastError()).toBeUndefined();
  vi.useFakeTimers({ now: 1_000, toFake: ['Date'] });
  log.error('one');
  log.warn('two', { why: 'x' });
  log.info('all is well');
  expect(log.lastError()).toEqual({ at: new Date(1_000).toISOString(), message: 'two' });
  vi.setSystemTime(2_000);
  log.warn('two', { why: 'x' });
  expect(log.lastError()).toEqual({ at: new Date(2_000).toISOString(), message: 'two' });
  expect(linesOf(path).map(({ msg }) => msg)).toEqual(['serving', 'one', 'two', 'all is well']);
});
