import { BdError } from '../core/errors.ts';
import { HEADER_BYTES_MAX, LINE_BYTES_MAX } from '../core/limits.ts';

const NEWLINE = 0x0a;

export interface LineSplitter {
  /** The lines that are complete now, without their ends; throws `LIMIT_EXCEEDED`, and then for good. */
  push(chunk: Uint8Array): string[];
  /** What came after the last line's end. */
  rest(): string;
  /** How many bytes that is. */
  pending(): number;
  drop(): void;
}

/** Cuts bytes into lines and holds one unfinished line at most. */
export function createLineSplitter({ bytesMax = LINE_BYTES_MAX } = {}): LineSplitter {
  let pieces: Uint8Array[] = [];
  let pending = 0;
  const take = (): string => {
    const line = decode(pieces, pending);
    pieces = [];
    pending = 0;
    return line;
  };
  const hold = (piece: Uint8Array): void => {
    pending += piece.length;
    if (pending > bytesMax) throw tooLong('a line', bytesMax);
    if (piece.length > 0) pieces.push(piece);
  };
  return {
    push(chunk) {
      const lines: string[] = [];
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, start);
        hold(chunk.subarray(start, end < 0 ? chunk.length : end));
        if (end < 0) return lines;
        lines.push(take());
        start = end + 1;
      }
    },
    rest: take,
    pending: () => pending,
    drop() {
      pieces = [];
      pending = 0;
    },
  };
}

/** Bytes that are not UTF-8 become U+FFFD: JSON made of them is refused or keeps the mark. */
function decode(pieces: readonly Uint8Array[], length: number): string {
  const [first] = pieces;
  if (first === undefined) return '';
  const bytes = pieces.length === 1 ? first : Buffer.concat(pieces, length);
  const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8');
}

export interface LspGuard {
  /**
   * The lengths of the messages that are complete with these bytes. Throws when what goes by cannot be
   * a message we accept, and then for good.
   */
  inspect(chunk: Uint8Array): number[];
  /** How many bytes of a message have gone by that is not complete. */
  pending(): number;
}

/**
 * Follows LSP framing without decoding it. The reader behind it believes any `Content-Length` and
 * any endless header, and would hold them in memory.
 */
export function createLspGuard(): LspGuard {
  let header = '';
  /** Undefined between messages. */
  let bodyLeft: number | undefined;
  let bodyLength = 0;
  return {
    pending: () => header.length + (bodyLeft === undefined ? 0 : bodyLength - bodyLeft),
    inspect(chunk) {
      let rest = chunk;
      const complete: number[] = [];
      for (;;) {
        if (bodyLeft !== undefined) {
          const inBody = Math.min(bodyLeft, rest.length);
          bodyLeft -= inBody;
          rest = rest.subarray(inBody);
          if (bodyLeft > 0) return complete;
          bodyLeft = undefined;
          complete.push(bodyLength);
        }
        const before = header.length;
        header += Buffer.from(rest.subarray(0, HEADER_BYTES_MAX + 1)).toString('latin1');
        const end = header.indexOf('\r\n\r\n');
        if (end < 0) {
          if (header.length > HEADER_BYTES_MAX) throw tooLong('a header', HEADER_BYTES_MAX);
          return complete;
        }
        bodyLength = readContentLength(header.slice(0, end));
        bodyLeft = bodyLength;
        rest = rest.subarray(end + 4 - before);
        header = '';
      }
    },
  };
}

function readContentLength(header: string): number {
  const text = /^content-length:[ \t]*(\d{1,15})[ \t]*$/im.exec(header)?.[1];
  if (text === undefined) {
    throw new BdError('BAD_REQUEST', {
      message: `a header has no usable Content-Length: ${JSON.stringify(header.slice(0, 200))}`,
      remedy: 'Begin each message with `Content-Length: <bytes>` and an empty line.',
    });
  }
  if (Number(text) > LINE_BYTES_MAX) throw tooLong('a message', LINE_BYTES_MAX);
  return Number(text);
}

function tooLong(what: string, bytesMax: number): BdError {
  return new BdError('LIMIT_EXCEEDED', {
    message: `${what} is longer than ${bytesMax} bytes`,
    remedy: 'Send less at once; large imports go by file with the method `import` and `path`.',
    details: { bytes_max: bytesMax },
  });
}
