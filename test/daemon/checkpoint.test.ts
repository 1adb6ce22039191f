import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import BetterSqlite3 from 'better-sqlite3';
import { STORE_REST_MS, STORE_TIDY_PAUSE_MS, WAL_REST_BYTES_MAX } from '../../src/core/limits.ts';
import { createCheckpoint } from '../../src/daemon/checkpoint.ts';
import { silentLog } from '../../src/platform/log.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let clock: FakeClock;
let store: Store;
let path: string;

beforeEach(() => {
  temp = createTempDirectory();
  clock = createFakeClock();
  path = join(temp.path, 'beads.db');
  store = openStore(path, { clock });
});
afterEach(() => {
  store.close();
  temp[Symbol.dispose]();
});

const logBytes = (): number => statSync(`${path}-wal`).size;

/** Leaves nothing to be done. */
function rest(): boolean {
  store.rest();
  return false;
}

function grow(): void {
  for (let at = 0; at < 5; at += 1)
    store.state.set(`mirror:much ${at}`, { hash: `${at}${'x'.repeat(WAL_REST_BYTES_MAX / 2)}` });
  expect(logBytes()).toBeGreaterThan(WAL_REST_BYTES_MAX);
}

test('a write-ahead log that has grown is emptied after a quiet, and nothing is lost', () => {
  grow();
  const checkpoint = createCheckpoint({ tidy: rest, release: () => false, clock, log: silentLog });
  checkpoint.soon();
  clock.advance(STORE_REST_MS - 1);
  checkpoint.soon();
  clock.advance(STORE_REST_MS - 1);
  expect(logBytes()).toBeGreaterThan(0);
  clock.advance(1);
  expect(logBytes()).toBe(0);
  expect(store.state.get('mirror:much 4')?.hash).toMatch(/^4x/);
});

test('memory is given back once there is no more to tidy up', () => {
  const done: string[] = [];
  let left = 2;
  const tidy = (): boolean => {
    done.push('tidy');
    left -= 1;
    return left > 0;
  };
  const release = (): boolean => {
    done.push('release');
    return false;
  };
  createCheckpoint({ tidy, release, clock, log: silentLog }).now();
  clock.advance(STORE_TIDY_PAUSE_MS);
  expect(done).toEqual(['tidy', 'tidy', 'release']);
});

test('a small one stays, so that a daemon at rest writes nothing', () => {
  store.state.set('mirror:little', { hash: 'x' });
  const before = logBytes();
  createCheckpoint({ tidy: rest, release: () => false, clock, log: silentLog }).now();
  expect(logBytes()).toBe(before);
});

test('another reader of the store is not waited for, and the log is emptied afterwards', () => {
  const reader = new BetterSqlite3(path);
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM state').get();
  grow();
  const checkpoint = createCheckpoint({ tidy: rest, release: () => false, clock, log: silentLog });
  checkpoint.now();
  expect(logBytes()).toBeGreaterThan(0);
  reader.close();
  checkpoint.now();
  expect(logBytes()).toBe(0);
});

test('what is left is done after a pause for other work, and memory is released as long as that helps', () => {
  let [turns, releases] = [0, 0];
  const tidy = (): boolean => ++turns < 3;
  const release = (): boolean => ++releases < 2;
  createCheckpoint({ tidy, release, clock, log: silentLog }).now();
  expect([turns, releases]).toEqual([1, 0]);
  for (let n = 0; n < 5; n++) clock.advance(STORE_TIDY_PAUSE_MS);
  expect([turns, releases]).toEqual([3, 1]);
  for (let n = 0; n < 5; n++) clock.advance(STORE_REST_MS);
  expect([turns, releases]).toEqual([4, 2]);
});

test('a store that cannot be tidied up is said to be so, and the daemon lives on', () => {
  const said: string[] = [];
  const checkpoint = createCheckpoint({
    tidy() {
      throw new Error('disk full');
    },
    release: () => false,
    clock,
    log: { ...silentLog, warn: (message) => void said.push(message) },
  });
  checkpoint.now();
  expect(said).toEqual([expect.stringContaining('could not be tidied up')]);
});
