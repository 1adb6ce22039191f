import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
const opened: Store[] = [];

/** As two processes that both believe that they hold the workspace's lock. */
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

test('who writes takes over from the one before, who writes nothing more', () => {
  const former = open();
  former.settings.set('who', 'former');
  const next = open();
  next.settings.set('who', 'next');
  expect(failureOf(() => former.settings.set('who', 'former'))).toMatchObject(OVERTAKEN);
  expect(former.standing()).toBe('overtaken');
  expect(next.standing()).toBe('ours');
  expect(next.settings.get('who')).toBe('next');
  next.settings.set('who', 'still next');
});

test('of two that opened before either wrote, the first to write leads', () => {
  const [one, other] = [open(), open()];
  other.settings.set('who', 'other');
  expect(failureOf(() => one.settings.set('who', 'one'))).toMatchObject(OVERTAKEN);
  expect(one.settings.get('who')).toBe('other');
});

test('reading takes nothing from the one who writes', () => {
  const leader = open();
  leader.settings.set('who', 'leader');
  const reader = open();
  expect(reader.settings.get('who')).toBe('leader');
  leader.settings.set('who', 'leader again');
  expect([leader.standing(), reader.standing()]).toEqual(['ours', 'ours']);
});

test('what was rolled back has taken nothing, and the next write does', () => {
  const former = open();
  former.settings.set('who', 'former');
  const next = open();
  const refused = failureOf(() =>
    next.transaction(() => {
      next.settings.set('who', 'next');
      throw new Error('refused');
    }),
  );
  expect(refused).toMatchObject({ message: 'refused' });
  former.settings.set('who', 'former again');
  next.settings.set('who', 'next');
  expect(failureOf(() => former.settings.set('who', 'former'))).toMatchObject(OVERTAKEN);
  next.settings.set('who', 'next again');
  expect(next.settings.get('who')).toBe('next again');
});
