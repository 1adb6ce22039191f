import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { createMemoryRelease } from '../../src/platform/memory.ts';

const heapMb = (): number => getHeapStatistics().total_heap_size / 1024 / 1024;

test('a heap that has not grown is left to V8', () => {
  const release = createMemoryRelease();
  // What the tests before this one have left.
  while (release());
  const before = getHeapStatistics().number_of_native_contexts;
  expect(release()).toBe(false);
  expect(getHeapStatistics().number_of_native_contexts).toBe(before);
});

/** The room for new objects, which V8 may keep for some seconds. */
const NEW_MB = 40;

test('what hard work has left behind is given back to the system, once it is over', () => {
  const release = createMemoryRelease();
  const idleMb = heapMb();
  let kept = Array.from({ length: 1_500_000 }, (_, at) => ({ at, text: `${at} of many` }));
  expect(release(), 'there may be more to give').toBe(true);
  expect(heapMb(), 'what is in use stays').toBeGreaterThan(idleMb + NEW_MB);
  kept = kept.slice(0, 1);
  release();
  expect(heapMb()).toBeLessThan(idleMb + NEW_MB);
  expect(kept).toEqual([{ at: 0, text: '0 of many' }]);
});
