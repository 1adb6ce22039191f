import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EVENTS_TRIMMED_AT_ONCE } from '../../src/store/event-log.ts';
import type { Origin } from '../../src/store/event-log.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const DAY_MS = 24 * 3_600_000;
const FOREVER = { keepMs: 1_000 * DAY_MS, keepCount: 1_000_000 };

let temp: TempDirectory;
let clock: FakeClock;
let path: string;
let store: Store;

const open = (): Store => openStore(path, { clock });

beforeEach(() => {
  temp = createTempDirectory();
  clock = createFakeClock();
  path = join(temp.path, 'beads.db');
  store = open();
});
afterEach(() => {
  store.close();
  temp[Symbol.dispose]();
});

function append(count: number, origin: Origin = 'local'): void {
  store.transaction(() => {
    for (let n = 0; n < count; n++) {
      const change = { kind: 'updated', actor: 'mia', origin, atMs: clock.nowMs() } as const;
      store.events.append(`t-${n}`, change, {});
    }
  });
}

const trim = (keep: Partial<typeof FOREVER> = {}): boolean =>
  store.events.trim({ nowMs: clock.nowMs(), ...FOREVER, ...keep }, store.transaction);

const left = (): number[] => store.events.read({ after: 0, limit: 10_000 }).map(({ seq }) => seq);

describe('the generation', () => {
  const reopen = (): number => {
    store = open();
    return store.events.generation();
  };

  test('is the time at which the store was made, and stays', () => {
    const generation = store.events.generation();
    expect(generation).toBe(clock.nowMs());
    store.close();
    clock.advance(5_000);
    expect(reopen()).toBe(generation);
  });

  test.each(['deleted', 'damaged', 'restored from a backup'])(
    'of a store that was %s is higher',
    (how) => {
      const generation = store.events.generation();
      store.close();
      clock.advance(5_000);
      if (how === 'deleted') rmSync(path);
      if (how === 'damaged') writeFileSync(path, 'no database');
      if (how === 'restored from a backup') {
        copyFileSync(path, `${path}.backup`);
        renameSync(`${path}.backup`, path);
      }
      expect(reopen()).toBeGreaterThanOrEqual(generation + 5_000);
    },
  );

  test('rises even if the clock went back', () => {
    const generation = store.events.generation();
    store.transaction(() => store.state.set('project_id', 'theirs'));
    store.close();
    clock.advance(-60_000);
    copyFileSync(path, `${path}.backup`);
    renameSync(`${path}.backup`, path);
    // Another project's store, so it is moved aside.
    store = openStore(path, { clock, projectId: 'ours' });
    expect(store.movedAside).toBeDefined();
    expect(store.events.generation()).toBe(generation + 1);
    store.close();
    rmSync(path);
    clock.advance(-60_000);
    const aside = Number(/\d+$/.exec(store.movedAside ?? '')?.[0]);
    expect(reopen()).toBe(aside + 1);
  });
});

describe('trimming', () => {
  test('keeps the events of the last days, and the newest whatever its age', () => {
    append(3);
    clock.advance(DAY_MS);
    append(2);
    clock.advance(DAY_MS - 1);
    expect(trim({ keepMs: 2 * DAY_MS })).toBe(false);
    expect(left()).toEqual([2, 3, 4, 5, 6]);
    expect(store.events.start()).toBe(0);
    clock.advance(2);
    expect(trim({ keepMs: 2 * DAY_MS })).toBe(false);
    expect(left()).toEqual([5, 6]);
    expect(store.events.start()).toBe(4);
    clock.advance(100 * DAY_MS);
    trim({ keepMs: DAY_MS });
    expect(left()).toEqual([6]);
    append(1);
    expect(left()).toEqual([6, 7]);
  });

  test('keeps a number of events, and removes a bounded number in each turn', () => {
    append(EVENTS_TRIMMED_AT_ONCE + 20);
    expect(trim({ keepCount: 10 })).toBe(true);
    expect(left()).toHaveLength(20);
    expect(trim({ keepCount: 10 })).toBe(false);
    expect(left()).toHaveLength(10);
  });

  test('keeps the events that a mirror has not seen', () => {
    append(10);
    store.state.set('mirror:', { hash: 'a', seq: 8 });
    store.state.set('mirror:worktrees/one 1', { hash: 'a', seq: 5 });
    // It will be written in any case.
    store.state.set('mirror:worktrees/two 2', { hash: 'a', seq: -1, isForeign: true });
    trim({ keepCount: 1 });
    expect(left()[0]).toBe(6);
    store.state.delete('mirror:worktrees/one 1');
    trim({ keepCount: 1 });
    expect(left()[0]).toBe(9);
  });

  test('writes nothing if there is nothing to trim', () => {
    append(3);
    store.close();
    store = open();
    const other = open();
    trim({ keepCount: 3 });
    other.state.set('written_tip', 'a');
    expect(store.standing(), 'a write would have taken over').toBe('lost');
    other.close();
  });

  test('the ids of changed issues are unknown once some of their events are gone', () => {
    append(10);
    trim({ keepCount: 5 });
    const start = store.events.start();
    expect(store.events.issueIdsAfter(start)).toEqual(['t-5', 't-6', 't-7', 't-8', 't-9']);
    expect(store.events.issueIdsAfter(start - 1)).toBeUndefined();
  });

  test('the log remembers whether anything but a mirror changed an issue', () => {
    append(5, 'mirror');
    expect(store.events.hasChangesAfter(0)).toBe(false);
    trim({ keepCount: 1 });
    expect(store.events.hasChangesAfter(0)).toBe(false);
    append(1, 'import');
    append(5, 'mirror');
    expect(store.events.hasChangesAfter(0)).toBe(true);
    trim({ keepCount: 1 });
    expect(left()).toHaveLength(1);
    expect(store.events.hasChangesAfter(0)).toBe(true);
    expect(store.events.hasChangesAfter(store.events.start())).toBe(false);
  });
});
