import { expect, test } from 'vitest';
import { compareTimestamps, isTimestamp, timestampAfter } from '../../src/core/timestamp.ts';

test('instants are compared, to the nanosecond', () => {
  expect(compareTimestamps('2026-01-01T10:00:00+01:00', '2026-01-01T09:00:00Z')).toBe(0);
  expect(compareTimestamps('2026-01-01T09:00:00.1Z', '2026-01-01T09:00:00.099Z')).toBeGreaterThan(
    0,
  );
  expect(
    compareTimestamps('2026-01-01T09:00:00.000000001Z', '2026-01-01T09:00:00.000000002Z'),
  ).toBeLessThan(0);
});

test('a change is always later than the one before, also when the clock went back', () => {
  const previous = '2031-01-01T00:00:00.0005Z';
  expect(timestampAfter(previous, Date.parse('2026-01-01T00:00:00Z'))).toBe(
    '2031-01-01T00:00:00.001Z',
  );
  expect(compareTimestamps(timestampAfter(previous, 0), previous)).toBeGreaterThan(0);
});

test('what is no instant is no timestamp', () => {
  expect(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.123456789-08:00'].every(isTimestamp)).toBe(
    true,
  );
  expect(['', 'now', '2026-01-01', '2026-13-01T00:00:00Z', '1'].some(isTimestamp)).toBe(false);
  expect(isTimestamp('9999-12-31T23:59:59.999Z')).toBe(false);
  expect(isTimestamp(timestampAfter('9998-12-31T23:59:58Z', 0))).toBe(true);
});
