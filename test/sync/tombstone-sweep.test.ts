import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOMBSTONE_KEEP_MS, TOMBSTONE_SWEEP_INTERVAL_MS } from '../../src/core/limits.ts';
import { timestampAt } from '../../src/core/timestamp.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { sweepTombstones } from '../../src/sync/tombstone-sweep.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { issue, lines, put } from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let clock: FakeClock;
let store: Store;

beforeEach(() => {
  clock = createFakeClock();
  store = openStore(`${sandbox.directory}/beads.db`, { clock });
});
afterEach(() => {
  store.close();
});

function remove(id: string): void {
  const deletedAt = timestampAt(clock.nowMs());
  put(store, issue(id, { description: 'long '.repeat(100) }));
  put(store, issue(id, { status: 'tombstone', deleted_at: deletedAt, updated_at: deletedAt }));
}

describe('an issue that was deleted long ago', () => {
  it('gives up its content, and stays deleted', async () => {
    remove('t-a');
    clock.advance(TOMBSTONE_KEEP_MS - 1);
    expect(await sweepTombstones(store, clock)).toBe(0);
    clock.advance(TOMBSTONE_SWEEP_INTERVAL_MS);
    expect(await sweepTombstones(store, clock)).toBe(1);
    expect(store.issues.get('t-a')).toMatchObject({ status: 'tombstone', title: 'Title of t-a' });
    expect(lines(store)[0]).not.toContain('long');
    expect(store.outbox.pending().ids).toEqual(['t-a']);
  });

  it('is looked for once a day, and changed once', async () => {
    remove('t-a');
    clock.advance(TOMBSTONE_KEEP_MS + 1);
    expect(await sweepTombstones(store, clock)).toBe(1);
    remove('t-b');
    clock.advance(TOMBSTONE_SWEEP_INTERVAL_MS - 1);
    expect(await sweepTombstones(store, clock)).toBe(0);
    const [shrunk] = lines(store);
    clock.advance(TOMBSTONE_KEEP_MS);
    expect(await sweepTombstones(store, clock)).toBe(1);
    expect(lines(store)[0]).toBe(shrunk);
  });
});
