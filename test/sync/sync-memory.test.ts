import { expect, test } from 'vitest';
import { readSyncMemory } from '../../src/sync/sync-state.ts';

test.each([undefined, null, 7, 'nonsense'])('what bd did not write is no memory: %j', (value) => {
  expect(readSyncMemory(value)).toEqual({});
});

test('what bd wrote is read unchanged', () => {
  const memory = { lastOkMs: 5, remote: 'origin' };
  expect(readSyncMemory(memory)).toEqual(memory);
});
