import { timestampAt, timestampMs, type Timestamp } from '../../core/timestamp.ts';

/** `2026-01-12 09:14 UTC`: the same wherever it is read. */
export function renderMoment(timestamp: Timestamp): string {
  return `${timestampAt(timestampMs(timestamp)).slice(0, 16).replace('T', ' ')} UTC`;
}
