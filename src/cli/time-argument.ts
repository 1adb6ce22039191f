import { isTimestamp, timestampAt, type Timestamp } from '../core/timestamp.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const UNITS_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: HOUR_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
};

/** When and where the person types. */
export interface Now {
  nowMs: number;
  timeZone: string | undefined;
}

/**
 * What people type for a time, as RFC 3339: such a time itself, `2026-03-01`, `+3d`, `-2h`, `+1w`,
 * `today` or `tomorrow`. A day begins at midnight in `timeZone`, by default this machine's.
 * Undefined when it is none of these.
 */
export function parseTimeArgument(text: string, { nowMs, timeZone }: Now): Timestamp | undefined {
  if (isTimestamp(text)) return text;
  const zone = zoneFormat(timeZone);
  const offset = /^([+-])(\d{1,5})([mhdw])$/.exec(text);
  if (offset !== null) {
    const [, sign, count, unit = ''] = offset;
    const distanceMs = Number(count) * (UNITS_MS[unit] ?? 0);
    return timestampAt(sign === '-' ? nowMs - distanceMs : nowMs + distanceMs);
  }
  if (text === 'now') return timestampAt(nowMs);
  if (text === 'today') return midnight(localDay(nowMs, zone), zone);
  if (text === 'tomorrow') return midnight(localDay(nowMs, zone) + DAY_MS, zone);
  const day = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // Date.parse takes 2026-02-31 for 3 March: a date must come back as it was written.
  if (Number.isNaN(day) || !timestampAt(day).startsWith(text)) return undefined;
  return midnight(day, zone);
}

/** Days and clock readings are counted as if they were UTC: `2026-03-01` is `Date.UTC(2026, 2, 1)`. */
function localDay(ms: number, zone: Intl.DateTimeFormat): number {
  return Math.floor(clockReading(ms, zone) / DAY_MS) * DAY_MS;
}

function midnight(day: number, zone: Intl.DateTimeFormat): Timestamp {
  const offsetMs = clockReading(day, zone) - day;
  const guess = day - offsetMs;
  // The offset at midnight may differ from the one at that UTC time, on the day the clocks change.
  return timestampAt(guess - (clockReading(guess, zone) - day));
}

function clockReading(ms: number, zone: Intl.DateTimeFormat): number {
  const parts = Object.fromEntries(zone.formatToParts(ms).map(({ type, value }) => [type, value]));
  const { year, month, day, hour, minute, second } = parts;
  return Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
}

function zoneFormat(timeZone: string | undefined): Intl.DateTimeFormat {
  const options = {
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  } as const;
  try {
    return new Intl.DateTimeFormat('en-US', { ...options, ...(timeZone ? { timeZone } : {}) });
  } catch {
    // TZ may hold what only the C library knows, such as `:/etc/localtime`.
    return new Intl.DateTimeFormat('en-US', options);
  }
}
