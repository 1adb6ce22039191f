import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
const opened: Store[] = [];

/** Several at once stand for processes that each believe to hold the workspace's lock. */
function open(): Store {
  const store = openStore(join(temp.path, 'beads.db'), { clock: systemClock });
  opened.push(store);
  return store;
}

beforeEach(() => {
  temp = createTempDirectory();
  open().close();
});
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  temp[Symbol.dispose]();
});

function failureOf(write: () => void): unknown {
  try {
    write();
    return undefined;
  } catch (error) {
    return error;
  }
}

const OVERTAKEN = { code: 'LOCK_UNAVAILABLE', message: expect.stringContaining('took over') };

test('a process that writes takes over from the former one, which can write no more', () => {
  const former = open();
  former.state.set('imported_from', 'former');
  const next = open();
  next.state.set('imported_from', 'next');
  expect(failureOf(() => former.state.set('imported_from', 'former'))).toMatchObject(OVERTAKEN);
  expect(former.standing()).toBe('lost');
  expect(next.standing()).toBe('ours');
  expect(next.state.get('imported_from')).toBe('next');
  next.state.set('imported_from', 'still next');
});

test('of two that opened it before either wrote, the first to write leads', () => {
  const [one, other] = [open(), open()];
  other.state.set('imported_from', 'other');
  expect(failureOf(() => one.state.set('imported_from', 'one'))).toMatchObject(OVERTAKEN);
  expect(one.state.get('imported_from')).toBe('other');
});

test('reading does not take over', () => {
  const leader = open();
  leader.state.set('imported_from', 'leader');
  const reader = open();
  expect(reader.state.get('imported_from')).toBe('leader');
  leader.state.set('imported_from', 'leader again');
  expect([leader.standing(), reader.standing()]).toEqual(['ours', 'ours']);
});

test('a write that was rolled back does not take over, and the next one does', () => {
  const former = open();
  former.state.set('imported_from', 'former');
  const next = open();
  const refused = failureOf(() =>
    next.transaction(() => {
      next.state.set('imported_from', 'next');
      throw new Error('refused');
    }),
  );
  expect(refused).toMatchObject({ message: 'refused' });
  former.state.set('imported_from', 'former again');
  next.state.set('imported_from', 'next');
  expect(failureOf(() => former.state.set('imported_from', 'former'))).toMatchObject(OVERTAKEN);
  next.state.set('imported_from', 'next again');
  expect(next.state.get('imported_from')).toBe('next again');
});
