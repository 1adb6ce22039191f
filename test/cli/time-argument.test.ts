import { expect, test } from 'vitest';
import { parseTimeArgument } from '../../src/cli/time-argument.ts';

/** A Friday evening in New York, the next day in Berlin. */
const nowMs = Date.parse('2026-03-06T23:30:00Z');

test.each([
  ['2026-03-01T09:00:00+01:00', 'UTC', '2026-03-01T09:00:00+01:00'],
  ['+3d', 'UTC', '2026-03-09T23:30:00.000Z'],
  ['+2h', 'UTC', '2026-03-07T01:30:00.000Z'],
  ['+1w', 'UTC', '2026-03-13T23:30:00.000Z'],
  ['-1d', 'UTC', '2026-03-05T23:30:00.000Z'],
  ['tomorrow', 'UTC', '2026-03-07T00:00:00.000Z'],
  ['tomorrow', 'Europe/Berlin', '2026-03-07T23:00:00.000Z'],
  ['today', 'America/New_York', '2026-03-06T05:00:00.000Z'],
  ['2026-03-01', 'Asia/Kolkata', '2026-02-28T18:30:00.000Z'],
  // The clocks change in that night and on that day.
  ['2026-03-08', 'America/New_York', '2026-03-08T05:00:00.000Z'],
  ['2026-03-09', 'America/New_York', '2026-03-09T04:00:00.000Z'],
  ['2026-04-05', 'Australia/Sydney', '2026-04-04T13:00:00.000Z'],
])('%s in %s is %s', (text, timeZone, expected) => {
  expect(parseTimeArgument(text, { nowMs, timeZone })).toBe(expected);
});

test.each(['', 'someday', '2026-02-31', '2026-13-01', '3d', '+3y', '+d', '2026-03-01T09:00'])(
  '"%s" is no time',
  (text) => {
    expect(parseTimeArgument(text, { nowMs, timeZone: 'UTC' })).toBeUndefined();
  },
);

test('a time zone that only the C library knows falls back to the machine’s', () => {
  expect(parseTimeArgument('tomorrow', { nowMs, timeZone: ':/etc/localtime' })).toBeDefined();
});
