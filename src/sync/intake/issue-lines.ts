import { isUtf8 } from 'node:buffer';
import { LINE_BYTES_MAX } from '../../core/limits.ts';

/** One line of an issue file: its text, or why it cannot hold an issue. */
export interface IncomingLine {
  /** From 1, as editors count. */
  number: number;
  /** The bytes without the line end. */
  raw: Uint8Array;
  text?: string;
  problem?: string;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
/** As git writes them, with or without a name after them. */
const CONFLICT_MARKER = /^(?:(<{7}|\|{7}|>{7})(?: .*)?|(={7}))$/;
const BASE_MARKER = '|||||||';
const SIDES_MARKER = '=======';

/**
 * The lines of an issue file as people, editors and git leave it: with a byte order mark, CRLF, a cut end or
 * conflict markers. The lines of both sides of a conflict count; empty lines, the markers, and the base
 * version that git may put between the sides do not.
 */
export function* readIssueLines(content: Buffer): Generator<IncomingLine> {
  // Dropped at the marker that ends it; kept when there is none, as in a file that was cut or partly resolved.
  let old: IncomingLine[] | undefined;
  for (const line of splitLines(content)) {
    const marker = markerOf(line);
    if (marker === undefined) {
      if (old === undefined) yield line;
      else old.push(line);
      continue;
    }
    if (old !== undefined && marker !== SIDES_MARKER) yield* old;
    old = marker === BASE_MARKER ? [] : undefined;
  }
  if (old !== undefined) yield* old;
}

/** The id at the beginning of a line, where all tools write it. */
export function idOfLine(line: Uint8Array): string | undefined {
  const start = Buffer.from(line.buffer, line.byteOffset, Math.min(line.byteLength, 300));
  return /^\s*\{\s*"id"\s*:\s*"([^"\\]+)"/.exec(start.toString())?.[1];
}

/** Whether git left a conflict in the file. */
export function hasConflictMarkers(content: Buffer): boolean {
  return content.includes('<<<<<<<') && [...splitLines(content)].some((line) => markerOf(line));
}

/** Whether the file ends inside a line: its writer may not have finished. */
export function endsInsideLine(content: Buffer): boolean {
  if (content.length === 0 || content.at(-1) === NEWLINE) return false;
  try {
    JSON.parse(content.subarray(content.lastIndexOf(NEWLINE) + 1).toString());
    return false;
  } catch {
    return true;
  }
}

function* splitLines(content: Buffer): Generator<IncomingLine> {
  let start = content.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
  for (let number = 1; start < content.length; number++) {
    const newline = content.indexOf(NEWLINE, start);
    const end = newline < 0 ? content.length : newline;
    const raw = content.subarray(start, content[end - 1] === RETURN && end > start ? end - 1 : end);
    start = end + 1;
    const line = classify(number, raw);
    if (line.text === undefined || line.text.trim() !== '') yield line;
  }
}

function markerOf({ text }: IncomingLine): string | undefined {
  const [, named, plain] = CONFLICT_MARKER.exec(text ?? '') ?? [];
  return named ?? plain;
}

function classify(number: number, raw: Buffer): IncomingLine {
  if (raw.length > LINE_BYTES_MAX) {
    return { number, raw, problem: `longer than ${LINE_BYTES_MAX} bytes` };
  }
  if (raw.includes(0)) return { number, raw, problem: 'NUL bytes, as an interrupted write leaves' };
  if (!isUtf8(raw)) return { number, raw, problem: 'not UTF-8' };
  return { number, raw, text: raw.toString() };
}
