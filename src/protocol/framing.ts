import { BdError } from '../core/errors.ts';
import { HEADER_BYTES_MAX, LINE_BYTES_MAX } from '../core/limits.ts';

/** Cuts a stream of bytes into message bodies, and puts a body into its envelope. */
export interface Framing {
  /** The bodies that are complete now; throws when the bytes cannot be a message, and then for good. */
  push(chunk: Uint8Array): Uint8Array[];
  /** A last body whose end is the end of the input; undefined when there is none. */
  rest(): Uint8Array | undefined;
  /** How many bytes of an incomplete message are held. */
  pending(): number;
  /** Forgets them. */
  drop(): void;
  encode(body: string): string;
}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** One message per line, UTF-8, with `\n` or `\r\n` at its end. Blank lines are skipped. */
export function lineFraming({ bytesMax = LINE_BYTES_MAX } = {}): Framing {
  let pieces: Uint8Array[] = [];
  let pending = 0;
  const hold = (piece: Uint8Array): void => {
    pending += piece.length;
    if (pending > bytesMax) throw tooLong('a line', bytesMax);
    if (piece.length > 0) pieces.push(piece);
  };
  const drop = (): void => {
    pieces = [];
    pending = 0;
  };
  const take = (): Uint8Array | undefined => {
    const [first] = pieces;
    // Joined once a line, not once a chunk: a long line comes in hundreds of chunks.
    const line = pieces.length > 1 ? Buffer.concat(pieces, pending) : first;
    drop();
    if (line === undefined) return undefined;
    const body = line.at(-1) === RETURN ? line.subarray(0, -1) : line;
    return isBlank(body) ? undefined : body;
  };
  return {
    push(chunk) {
      const bodies: Uint8Array[] = [];
      let start = 0;
      for (;;) {
        const end = chunk.indexOf(NEWLINE, start);
        hold(chunk.subarray(start, end < 0 ? chunk.length : end));
        if (end < 0) return bodies;
        const body = take();
        if (body !== undefined) bodies.push(body);
        start = end + 1;
      }
    },
    rest: take,
    pending: () => pending,
    drop,
    encode: (body) => `${body}\n`,
  };
}

/** The framing of the Language Server Protocol: `Content-Length: N\r\n\r\n` and N bytes of UTF-8. */
export function lspFraming(): Framing {
  let header = '';
  let body: Body | undefined;
  const take = (chunk: Uint8Array): { rest: Uint8Array; complete?: Uint8Array } => {
    if (body === undefined) {
      const before = header.length;
      header += Buffer.from(chunk.subarray(0, HEADER_BYTES_MAX + 1)).toString('latin1');
      const end = header.indexOf('\r\n\r\n');
      if (end < 0) {
        if (header.length > HEADER_BYTES_MAX) throw tooLong('a header', HEADER_BYTES_MAX);
        return { rest: NOTHING };
      }
      body = { length: readContentLength(header.slice(0, end)), pieces: [], got: 0 };
      header = '';
      return take(chunk.subarray(end + 4 - before));
    }
    const piece = chunk.subarray(0, body.length - body.got);
    body.pieces.push(piece);
    body.got += piece.length;
    const rest = chunk.subarray(piece.length);
    if (body.got < body.length) return { rest };
    const complete = Buffer.concat(body.pieces, body.length);
    body = undefined;
    return { rest, complete };
  };
  return {
    push(chunk) {
      const bodies: Uint8Array[] = [];
      for (let left = chunk; left.length > 0;) {
        const { rest, complete } = take(left);
        if (complete !== undefined) bodies.push(complete);
        left = rest;
      }
      return bodies;
    },
    rest: () => undefined,
    pending: () => header.length + (body?.got ?? 0),
    drop() {
      header = '';
      body = undefined;
    },
    encode: (text) => `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  };
}

interface Body {
  length: number;
  pieces: Uint8Array[];
  got: number;
}

const NOTHING = new Uint8Array();

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === RETURN);
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
