import { expect, test } from 'vitest';
import { readSyncMemory } from '../../src/sync/sync-memory.ts';

test.each([undefined, '', 'nonsense', 'null', '7', '{"lastOkMs":'])(
  'what bd did not write is no memory: %j',
  (text) => {
    expect(readSyncMemory({ get: () => text })).toEqual({});
  },
);

test('what bd wrote is read unchanged', () => {
  const memory = { lastOkMs: 5, remote: 'origin' };
  expect(readSyncMemory({ get: () => JSON.stringify(memory) })).toEqual(memory);
});
