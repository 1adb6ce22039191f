import { open } from 'node:fs/promises';
import { SLICE_BYTES } from '../../core/limits.ts';
import { idOfLine } from '../intake/issue-lines.ts';
import type { Piece } from './content-hash.ts';

const NEWLINE = 0x0a;

/** Lines of a new file; `kept` are the pieces that they make up, where those were in the old file too. */
export interface NewLines {
  lines: Buffer;
  kept?: readonly Piece[];
}

interface Changes {
  ids: readonly string[];
  lineOf: (id: string) => string | undefined;
}

/**
 * A file of lines in id order with the present lines of `ids`; each result is valid until the next is asked
 * for. Only the pieces with those lines are looked at. Where another program writes into the file meanwhile,
 * the result is meaningless.
 */
export async function* spliceFile(
  path: string,
  pieces: readonly Piece[],
  { ids, lineOf }: Changes,
): AsyncGenerator<NewLines> {
  const waiting = ids.toSorted();
  const file = await open(path);
  try {
    let buffer = Buffer.allocUnsafe(SLICE_BYTES);
    let at = 0;
    const read = async (bytes: number): Promise<Buffer> => {
      if (bytes > buffer.length) buffer = Buffer.allocUnsafe(bytes);
      const { bytesRead } = await file.read(buffer, 0, bytes, at);
      at += bytes;
      return buffer.subarray(0, bytesRead);
    };
    for (const run of runsOf(pieces, waiting)) {
      const lines = await read(sum(run.pieces));
      if (run.ids.length === 0) yield { lines, kept: run.pieces };
      else yield { lines: spliceLines(lines, { ids: run.ids, lineOf }) };
    }
  } finally {
    await file.close();
  }
}

/** One piece that changes, or unchanged ones of about a slice. */
interface Run {
  pieces: Piece[];
  ids: string[];
}

function* runsOf(pieces: readonly Piece[], ids: readonly string[]): Generator<Run> {
  let unchanged: Piece[] = [];
  let next = 0;
  for (const piece of pieces) {
    const first = next;
    while (belongsTo(piece, ids[next])) next += 1;
    const isFull = sum(unchanged) + piece.bytes > SLICE_BYTES;
    if (unchanged.length > 0 && (next > first || isFull)) {
      yield { pieces: unchanged, ids: [] };
      unchanged = [];
    }
    if (next > first) yield { pieces: [piece], ids: ids.slice(first, next) };
    else unchanged.push(piece);
  }
  if (unchanged.length > 0) yield { pieces: unchanged, ids: [] };
  // Behind a file whose last line is the end of a piece.
  if (next < ids.length) yield { pieces: [], ids: ids.slice(next) };
}

function belongsTo({ lastId }: Piece, id: string | undefined): boolean {
  return id !== undefined && (lastId === undefined || id <= lastId);
}

function sum(pieces: readonly Piece[]): number {
  return pieces.reduce((total, { bytes }) => total + bytes, 0);
}

/** Puts each line in the place of the older one with its id, or where it belongs. */
function spliceLines(lines: Buffer, { ids, lineOf }: Changes): Buffer {
  const parts: Buffer[] = [];
  let copied = 0;
  for (const id of ids) {
    const { start, end } = findLine(lines, id, copied);
    const line = lineOf(id);
    parts.push(lines.subarray(copied, start));
    if (line !== undefined) parts.push(Buffer.from(`${line}\n`));
    copied = end;
  }
  return Buffer.concat([...parts, lines.subarray(copied)]);
}

/** Where the line of `id` is, or an empty place where it belongs; by binary search behind `from`. */
function findLine(lines: Buffer, id: string, from: number): { start: number; end: number } {
  let [low, high] = [from, lines.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const start = low + lines.subarray(low, middle).lastIndexOf(NEWLINE) + 1;
    const newline = lines.indexOf(NEWLINE, middle);
    const end = newline < 0 ? high : newline + 1;
    const found = idOfLine(lines.subarray(start, end)) ?? '';
    if (found === id) return { start, end };
    if (found < id) low = end;
    else high = start;
  }
  return { start: low, end: low };
}
