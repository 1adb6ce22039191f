/** RFC 3339 with any number of fraction digits and any offset, kept word for word as it was read. */
export type Timestamp = string;

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(\d+))?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** The last year is left out: the next change must be later, and still have four digits in its year. */
const END_MS = Date.parse('9999-01-01T00:00:00Z');

export function isTimestamp(text: string): boolean {
  return RFC_3339.test(text) && Date.parse(text) < END_MS;
}

/** Milliseconds since the epoch; finer digits are cut. */
export function timestampMs(timestamp: Timestamp): number {
  return Date.parse(timestamp);
}

/** Compares instants, never texts: `…T10:00:00+01:00` equals `…T09:00:00.000Z`. */
export function compareTimestamps(left: Timestamp, right: Timestamp): number {
  return timestampMs(left) - timestampMs(right) || belowMs(left) - belowMs(right);
}

export function timestampAt(ms: number): Timestamp {
  return new Date(ms).toISOString();
}

/** Now, or just after `previous` when the clock stopped or went back: `updated_at` only moves forward. */
export function timestampAfter(previous: Timestamp | undefined, nowMs: number): Timestamp {
  if (previous === undefined) return timestampAt(nowMs);
  return timestampAt(Math.max(nowMs, timestampMs(previous) + 1));
}

/** The nanoseconds within the millisecond. */
function belowMs(timestamp: Timestamp): number {
  const fraction = RFC_3339.exec(timestamp)?.[1] ?? '';
  return fraction.length > 3 ? Number(fraction.slice(3, 9).padEnd(6, '0')) : 0;
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

type Unit = keyof typeof UNIT_MS;

/** `500ms`, `5s`, `2m`, `1h`, or seconds as a bare number; undefined for anything else. */
export function durationMs(text: string): number | undefined {
  const [, digits, unit = 's'] = /^(\d{1,9})(ms|s|m|h)?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * UNIT_MS[unit as Unit];
}
