import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  CRASH_LOG_LINES,
  CRASH_TEXT_CHARS_MAX,
  CRASH_WINDOW_MS,
  CRASHES_MAX,
} from '../../src/core/limits.ts';
import {
  findSuddenEnd,
  forgetCrashInTime,
  recordCrash,
  refuseCrashLoop,
} from '../../src/daemon/crash.ts';
import { readCrashReport } from '../../src/client/crash-report.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
const place = (): WorkspacePlace => new WorkspacePlace(temp.path);
let path: string;

beforeEach(() => {
  temp = createTempDirectory();
  path = join(temp.path, 'daemon.crash');
});
afterEach(() => temp[Symbol.dispose]());

const NOON_MS = Date.UTC(2026, 0, 2, 12);

const crash = (nowMs: number, thrown: unknown = new Error('why')): void =>
  recordCrash(place(), thrown, { nowMs });

const starts = (nowMs: number): boolean => {
  try {
    refuseCrashLoop(place(), { nowMs });
    return true;
  } catch {
    return false;
  }
};

test('a crash leaves a report with the end of the log, for this user alone', () => {
  const lines = Array.from({ length: 80 }, (_, at) => `{"msg":"line ${at}"}`);
  writeFileSync(join(temp.path, 'daemon.log'), `${lines.join('\n')}\n`);
  crash(NOON_MS);
  expect(readCrashReport(new WorkspacePlace(temp.path))).toMatchObject({
    at: '2026-01-02T12:00:00.000Z',
    pid: process.pid,
    node: process.version,
    message: 'why',
    stack: expect.stringContaining('crash.test.ts'),
    log: lines.slice(-CRASH_LOG_LINES),
  });
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(temp.path, 'daemon.log'), 'utf8')).toMatch(/"msg":"crashed"}\n$/);
});

test('nothing of the environment is in it', () => {
  process.env['SECRET_OF_THE_SHELL'] = 'swordfish';
  crash(NOON_MS);
  delete process.env['SECRET_OF_THE_SHELL'];
  expect(readFileSync(path, 'utf8')).not.toContain('swordfish');
});

test('what is thrown may be anything, and may be long', () => {
  crash(NOON_MS, 'no error at all');
  expect(readCrashReport(new WorkspacePlace(temp.path))?.message).toBe('no error at all');
  crash(NOON_MS, new Error('"'.repeat(10 * CRASH_TEXT_CHARS_MAX)));
  expect(readCrashReport(new WorkspacePlace(temp.path))?.message).toHaveLength(
    CRASH_TEXT_CHARS_MAX,
  );
});

test('the report takes the place of a link and writes nothing through it', () => {
  const victim = join(temp.path, 'victim');
  writeFileSync(victim, 'mine');
  symlinkSync(victim, path);
  expect(readCrashReport(new WorkspacePlace(temp.path))).toBeUndefined();
  crash(NOON_MS);
  expect(readFileSync(victim, 'utf8')).toBe('mine');
  expect(lstatSync(path).isFile()).toBe(true);
});

test('a report that a repository brought along, or that is broken, counts for nothing', () => {
  for (let at = 0; at < CRASHES_MAX; at += 1) crash(NOON_MS);
  expect(starts(NOON_MS)).toBe(false);
  chmodSync(path, 0o644);
  expect(starts(NOON_MS)).toBe(true);
  rmSync(path);
  for (const text of ['', '{', '[]', '{"pid":1,"crashes":"x"}']) {
    writeFileSync(path, text, { mode: 0o600 });
    expect(readCrashReport(new WorkspacePlace(temp.path)), text).toBeUndefined();
  }
});

test('after three crashes within ten minutes no daemon starts for ten minutes, and the reason says so', () => {
  crash(NOON_MS);
  crash(NOON_MS + 1_000);
  expect(starts(NOON_MS + 2_000)).toBe(true);
  crash(NOON_MS + 3_000);
  expect(starts(NOON_MS + 4_000)).toBe(false);
  expect(() => refuseCrashLoop(place(), { nowMs: NOON_MS + 4_000 })).toThrow(
    /crashed 3 times within 10 minutes.*why/,
  );
  expect(starts(NOON_MS + 3_000 + CRASH_WINDOW_MS)).toBe(true);
  // One more then is one of its own.
  crash(NOON_MS + 4_000 + CRASH_WINDOW_MS);
  expect(starts(NOON_MS + 5_000 + CRASH_WINDOW_MS)).toBe(true);
});

test('crashes that lie far apart never stop a start, nor does a clock that was set back', () => {
  for (let at = 0; at < 10; at += 1) crash(NOON_MS + at * CRASH_WINDOW_MS);
  expect(starts(NOON_MS + 9 * CRASH_WINDOW_MS)).toBe(true);
  for (let at = 0; at < 3; at += 1) crash(NOON_MS + 9 * CRASH_WINDOW_MS);
  expect(starts(NOON_MS)).toBe(true);
});

test('a daemon that lives for ten minutes takes the report away', () => {
  const clock = createFakeClock();
  forgetCrashInTime(place(), clock);
  expect(clock.waiting, 'nothing to forget costs no timer').toBe(0);
  crash(clock.nowMs());
  forgetCrashInTime(place(), clock);
  clock.advance(CRASH_WINDOW_MS - 1);
  expect(existsSync(path)).toBe(true);
  clock.advance(1);
  expect(existsSync(path)).toBe(false);
});

test('a process that left its number and no report ended without a word', () => {
  expect(findSuddenEnd(place())).toBeUndefined();
  writeFileSync(join(temp.path, 'daemon.pid'), '4711\n');
  expect(findSuddenEnd(place())).toBe(4711);
  crash(NOON_MS);
  expect(findSuddenEnd(place())).toBe(4711);
  writeFileSync(join(temp.path, 'daemon.pid'), `${process.pid}\n`);
  expect(findSuddenEnd(place())).toBeUndefined();
});

test('a crash in a directory that is gone is no second fault', () => {
  expect(() =>
    recordCrash(new WorkspacePlace(join(temp.path, 'gone')), new Error('x'), { nowMs: 1 }),
  ).not.toThrow();
});
