import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { SLICE_BYTES } from '../../core/limits.ts';
import { isNotFound } from '../../platform/files.ts';
import { idOfLine } from '../intake/issue-lines.ts';
import { readChunks } from './issue-file.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
/** What is before the id in a line that bd wrote. */
const ID_AT = '{"id":"'.length;

/** A piece ends after about one line in so many; a power of two. */
const LINES_A_PIECE = 64;

/** A run of lines. */
export interface Piece {
  bytes: number;
  /** Of its last line; undefined for the lines at the end of a file, which nothing follows. */
  lastId: string | undefined;
  hash: string;
}

/** What a file's content is known by. */
export interface ContentHash {
  hash: string;
  pieces: readonly Piece[];
}

/**
 * The hash of a file of lines: of the hashes of its pieces, which end after lines with certain ids. So a changed
 * line changes one piece, and the others need not be read to know the hash of the whole.
 */
export class ContentHasher {
  readonly #pieces: Piece[] = [];
  #hash = createHash('sha256');
  #bytes = 0;

  /** Adds whole lines; only the last of a file may lack its line end. */
  update(lines: Buffer): this {
    let added = 0;
    for (let start = 0; start < lines.length;) {
      const newline = lines.indexOf(NEWLINE, start);
      const end = newline < 0 ? lines.length : newline + 1;
      if (endsPiece(lines, start, end)) {
        this.#add(lines.subarray(added, end));
        this.#endPiece(idOfLine(lines.subarray(start, end)));
        added = end;
      }
      start = end;
    }
    this.#add(lines.subarray(added));
    return this;
  }

  /** Adds pieces that are known, behind one that has ended. */
  keep(pieces: readonly Piece[]): this {
    this.#pieces.push(...pieces);
    return this;
  }

  digest(): ContentHash {
    if (this.#bytes > 0) this.#endPiece(undefined);
    const hash = createHash('sha256');
    for (const piece of this.#pieces) hash.update(piece.hash);
    return { hash: hash.digest('hex'), pieces: this.#pieces };
  }

  #add(lines: Buffer): void {
    this.#hash.update(lines);
    this.#bytes += lines.length;
  }

  #endPiece(lastId: string | undefined): void {
    this.#pieces.push({ bytes: this.#bytes, lastId, hash: this.#hash.digest('base64') });
    this.#hash = createHash('sha256');
    this.#bytes = 0;
  }
}

/** By the line's id alone: a line that is there stays the end of its piece. FNV-1a. */
function endsPiece(lines: Buffer, start: number, end: number): boolean {
  let mixed = 0x811c9dc5;
  for (let at = start + ID_AT; at < end; at++) {
    const byte = lines[at] ?? 0;
    if (byte === QUOTE) break;
    mixed = Math.imul(mixed ^ byte, 0x01000193);
  }
  return (mixed & (LINES_A_PIECE - 1)) === 0;
}

/** With turns for other requests. */
export async function hashContent(content: Buffer): Promise<string> {
  const hasher = new ContentHasher();
  for (let at = 0; at < content.length;) {
    const newline = content.indexOf(NEWLINE, at + SLICE_BYTES);
    const end = newline < 0 ? content.length : newline + 1;
    hasher.update(content.subarray(at, end));
    at = end;
    await setImmediate();
  }
  return hasher.digest().hash;
}

/** The same of a file, which is not kept in memory; undefined when there is none. */
export async function hashFile(path: string): Promise<ContentHash | undefined> {
  try {
    const hasher = new ContentHasher();
    for await (const lines of readChunks(path)) hasher.update(lines);
    return hasher.digest();
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
