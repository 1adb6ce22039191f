/**
 * A place in an event log: after the event with this number, in the log of this generation. A store that is
 * rebuilt has another log, with the next generation.
 */
export interface EventOffset {
  generation: number;
  seq: number;
}

const DIGITS = 16;

/** How an offset is written; later ones sort after earlier ones. */
export const OFFSET_PATTERN = /^\d{16}_\d{16}$/;

export function formatOffset({ generation, seq }: EventOffset): string {
  return [generation, seq].map((part) => String(part).padStart(DIGITS, '0')).join('_');
}

/** Of a text that matches the pattern. */
export function parseOffset(text: string): EventOffset {
  const [generation = 0, seq = 0] = text.split('_').map(Number);
  return { generation, seq };
}
