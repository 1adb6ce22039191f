import {
  closeSync,
  copyFileSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import { STORE_CHECK_BYTES_MAX, WAL_BYTES_MAX } from '../../src/core/limits.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { openSqlite } from '../../src/platform/sqlite.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let path: string;
let store: Store;

beforeEach(() => {
  temp = createTempDirectory();
  path = join(temp.path, 'beads.db');
  store = open();
  store.state.set('imported_from', 'first');
});
afterEach(() => {
  store.close();
  temp[Symbol.dispose]();
});

const open = (): Store => openStore(path, { clock: systemClock });

function scribble(at: number, length: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(length, 0xa5), 0, length, at);
  closeSync(file);
}

test('own writes, and moving the log into the file, leave the store ours', () => {
  const before = statSync(path).size;
  const hash = 'x'.repeat(20_000);
  for (let n = 0; n < WAL_BYTES_MAX / 15_000; n++) store.state.set(`mirror:key ${n}`, { hash });
  expect(statSync(path).size, 'the log was moved into the file').toBeGreaterThan(before);
  expect(store.standing()).toBe('ours');
});

test('a checkpoint at rest leaves the store ours, and does not touch a file that is not', () => {
  store.close();
  copyFileSync(path, `${path}.backup`);
  store = open();
  const grow = (): void =>
    store.transaction(() => {
      for (let n = 0; n < 100; n++)
        store.state.set(`mirror:key ${n}`, { hash: 'x'.repeat(20_000) });
    });
  grow();
  store.rest();
  expect(statSync(`${path}-wal`).size, 'the log was emptied').toBe(0);
  expect(store.standing()).toBe('ours');
  grow();
  copyFileSync(`${path}.backup`, path);
  const before = readFileSync(path);
  store.rest();
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(store.standing()).toBe('lost');
});

test('after the file is deleted, what is open can still be read', () => {
  rmSync(path);
  expect(store.standing()).toBe('replaced');
  expect(store.state.get('imported_from')).toBe('first');
});

test('a deleted log is noticed', () => {
  rmSync(`${path}-wal`);
  expect(store.standing()).toBe('replaced');
});

test('a file that was written over in place is not written, nor mixed with its log', () => {
  store.close();
  copyFileSync(path, `${path}.backup`);
  store = open();
  store.state.set('imported_from', 'second');
  copyFileSync(`${path}.backup`, path);
  expect(store.standing()).toBe('lost');
  expect(() => store.state.set('imported_from', 'third')).toThrow('another program wrote into');
  store.putAside();
  store.close();
  expect(readdirSync(temp.path).filter((name) => /-(?:wal|shm)$/.test(name))).toEqual([
    expect.stringMatching(/^beads\.db-aside-\d+-shm$/),
    expect.stringMatching(/^beads\.db-aside-\d+-wal$/),
  ]);
  store = open();
  expect(store.state.get('imported_from')).toBe('first');
  expect(store.movedAside).toBeUndefined();
});

test('a file that is written over during a write is noticed after it', () => {
  store.close();
  copyFileSync(path, `${path}.backup`);
  store = open();
  store.transaction(() => {
    // More than the log may hold, so it would be written into the file now.
    const hash = 'x'.repeat(20_000);
    for (let n = 0; n < WAL_BYTES_MAX / 15_000; n++) store.state.set(`mirror:key ${n}`, { hash });
    copyFileSync(`${path}.backup`, path);
  });
  expect(readFileSync(path).equals(readFileSync(`${path}.backup`))).toBe(true);
  expect(store.standing()).toBe('lost');
});

test('a log that others read is written into the file, and truncated once they are done', () => {
  const write = (n: number): void =>
    store.state.set(`mirror:key ${n}`, { hash: 'x'.repeat(20_000) });
  const reader = openSqlite(path, { isReadonly: true });
  const reading = reader.prepare('SELECT key FROM state').iterate();
  reading.next();
  for (let n = 0; n < WAL_BYTES_MAX / 15_000; n++) write(n);
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(WAL_BYTES_MAX);
  expect(store.standing()).toBe('ours');
  reading.return?.();
  write(400);
  expect(statSync(`${path}-wal`).size).toBe(0);
  reader.close();
  expect(store.standing()).toBe('ours');
});

test('damage that was not read yet is found when the store is opened', () => {
  store.transaction(() => {
    for (let n = 0; n < 300; n++) store.state.set(`mirror:filler ${n}`, { hash: 'x'.repeat(700) });
  });
  store.close();
  scribble(Math.floor(statSync(path).size / 8192) * 4096, 4096);
  store = open();
  expect(store.movedAside).toMatch(/beads\.db-aside-\d+$/);
  expect(store.state.get('imported_from')).toBeUndefined();
});

test('damage that shows only when it is read marks the store as broken', () => {
  // Too large to be checked at each opening.
  const [count, text] = [8_000, 'x'.repeat(700)];
  store.transaction(() => {
    for (let n = 0; n < count; n++) store.state.set(`mirror:key ${n}`, { hash: text });
  });
  store.close();
  expect(statSync(path).size).toBeGreaterThan(STORE_CHECK_BYTES_MAX);
  scribble(STORE_CHECK_BYTES_MAX / 2, 40_000);
  store = open();
  expect(store.standing()).toBe('ours');
  let failure: unknown;
  try {
    for (let n = 0; n < count; n++) store.state.get(`mirror:key ${n}`);
  } catch (error) {
    failure = store.explain(error);
  }
  expect(failure).toBeInstanceOf(BdError);
  expect(failure).toMatchObject({
    code: 'STORE_UNUSABLE',
    message: expect.stringContaining('damaged'),
  });
  expect(store.standing()).toBe('lost');
  store.putAside();
  store.close();
  store = open();
  expect(store.state.get('mirror:key 1')).toBeUndefined();
  expect(store.standing()).toBe('ours');
});
