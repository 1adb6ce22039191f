import { appendFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MIRROR_WAIT_MS } from '../../src/core/limits.ts';
import type { Mirror } from '../../src/sync/mirror/mirror-file.ts';
import { eventually } from '../support/eventually.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createClone, issue, line, put, type Clone } from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let clock: FakeClock;
let clone: Clone;
/** Lets the flush that waits go on, as its file is large. */
let goOn: () => void;
let flushes: number;

beforeEach(async () => {
  clock = createFakeClock();
  clone = createClone(sandbox, 'a', { clock });
  put(clone.store, issue('t-a'));
  await clone.engine.flushMirror();
  const flush: Mirror['flush'] = clone.mirror.flush.bind(clone.mirror);
  flushes = 0;
  clone.mirror.flush = async (options) => {
    flushes += 1;
    await new Promise<void>((resolve) => (goOn = resolve));
    return await flush(options);
  };
});
afterEach(() => {
  clone.store.close();
});

const edit = (id: string): void => appendFileSync(clone.mirrorPath, `${line(id)}\n`);

/** Waits until the caller waits, then lets its time pass. */
async function letTimePass(): Promise<void> {
  await eventually(() => clock.waiting > 0 && flushes > 0);
  clock.advance(MIRROR_WAIT_MS);
}

describe('an answer after an edit of the mirror', () => {
  it('waits for the edit, and no longer than its time', async () => {
    edit('t-b');
    const first = clone.engine.catchUp();
    await letTimePass();
    expect(await first).toBe('stale');
    // The second call of the same command does not wait as long again.
    expect(await clone.engine.catchUp()).toBe('stale');
    goOn();
    await eventually(async () => (await clone.engine.catchUp()) === 'current');
    expect(clone.store.issues.get('t-b')).toBeDefined();
    expect(flushes).toBe(1);
  });

  it('has its whole time again for the next edit', async () => {
    edit('t-b');
    const first = clone.engine.catchUp();
    await letTimePass();
    expect(await first).toBe('stale');
    goOn();
    await eventually(async () => (await clone.engine.catchUp()) === 'current');
    edit('t-c');
    const next = clone.engine.catchUp();
    await eventually(() => flushes === 2);
    goOn();
    expect(await next).toBe('current');
    expect(clone.store.issues.get('t-c')).toBeDefined();
  });

  it('is one flush for all who ask before it begins', async () => {
    edit('t-b');
    const first = clone.engine.catchUp();
    await eventually(() => flushes === 1);
    edit('t-c');
    const more = Array.from({ length: 10 }, () => clone.engine.catchUp());
    await new Promise((turn) => setImmediate(turn));
    goOn();
    expect(await first).toBe('current');
    await eventually(() => flushes === 2);
    goOn();
    expect(await Promise.all(more)).toEqual(Array(10).fill('current'));
    expect(clone.store.issues.get('t-c')).toBeDefined();
    expect(flushes).toBe(2);
  });

  it('is current when the edit was taken in and the file cannot be written', async () => {
    const flush = clone.mirror.flush.bind(clone.mirror);
    writeFileSync(clone.mirrorPath, `${line('t-a')}\n${line('t-b', { title: 'Edited' })}\n`);
    clone.mirror.flush = async (options) => {
      await flush(options);
      throw new Error('no space left on device');
    };
    const answer = clone.engine.catchUp();
    await eventually(() => flushes === 1);
    goOn();
    expect(await answer).toBe('current');
  });
});

describe('a change', () => {
  it('is written before its answer where git tracks the mirror, and within its time', async () => {
    clone.settings.isTracked = true;
    put(clone.store, issue('t-b'));
    const shown = clone.engine.showChange();
    await letTimePass();
    await expect(shown).rejects.toMatchObject({ code: 'FILE_UNUSABLE' });
    goOn();
    await eventually(() => !clone.mirror.isBehind());
    await clone.engine.showChange();
    expect(flushes).toBe(1);
  });

  it('is not waited for where the mirror is bd’s alone', async () => {
    put(clone.store, issue('t-b'));
    await clone.engine.showChange();
    expect(flushes).toBe(0);
  });
});
