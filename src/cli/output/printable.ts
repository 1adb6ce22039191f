import { timestampAt, timestampMs, type Timestamp } from '../../core/timestamp.ts';

const CONTROL = /(?![\n\t])\p{Cc}/gu;

const COMBINING = /^(?:\p{M}|\p{Cf})$/u;
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]$/u;

/** Text from other users must not move the cursor or change colours. */
export function oneLine(text: string): string {
  return severalLines(text).replace(/\s*[\n\t]\s*/g, ' ');
}

export function severalLines(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(CONTROL, '\ufffd');
}

export function indent(text: string, by = '  '): string {
  return text.replace(/^(?=.)/gm, by);
}

/** The columns that it fills in a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

export function cutToWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let cut = '';
  let left = width - 1;
  for (const character of text) {
    left -= characterWidth(character);
    if (left < 0) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}

function characterWidth(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** `2026-01-12 09:14 UTC`: the same wherever it is read. */
export function renderMoment(timestamp: Timestamp): string {
  return `${timestampAt(timestampMs(timestamp)).slice(0, 16).replace('T', ' ')} UTC`;
}
