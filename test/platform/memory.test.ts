import { expect, test } from 'vitest';
import { HEAP_REST_BYTES_MAX } from '../../src/core/limits.ts';
import { releaseMemory } from '../../src/platform/memory.ts';

const held = (): number => process.memoryUsage().heapUsed;

test('what a large piece of work left behind is given back', () => {
  const before = held();
  let work: object[] | undefined = Array.from({ length: 1_000_000 }, (_, at) => ({ at }));
  const during = held();
  expect(during - before).toBeGreaterThan(HEAP_REST_BYTES_MAX / 2);
  expect(work.length).toBe(1_000_000);
  work = undefined;
  releaseMemory();
  expect(during - held()).toBeGreaterThan(HEAP_REST_BYTES_MAX / 2);
});
