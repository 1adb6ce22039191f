import {
  INVALID_REQUEST,
  PARSE_ERROR,
  parseJSONRPCMessage,
  type JSONRPCMessage,
} from '@modelcontextprotocol/server';

/** A message, or the line that answers what is none. */
export type ReadLine = { message: JSONRPCMessage } | { answer: string };

const NEWLINE = 0x0a;

/** An issue's text must not change silently, so bytes that are not UTF-8 are refused, not replaced. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Splits chunks into lines without their newline, blank ones left out. Ends early, with
 * `tooLong`, when a line has no end within `lineBytesMax`: what follows cannot be told apart.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  { lineBytesMax, hold }: { lineBytesMax: number; hold: (bytes: number) => void },
): AsyncGenerator<Uint8Array | 'tooLong'> {
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      if (partBytes + end - start > lineBytesMax) return yield 'tooLong';
      // Joined once a line, not once a chunk: a long line comes in hundreds of chunks.
      const line = Buffer.concat(parts);
      [parts, partBytes, start] = [[], 0, end + 1];
      if (!isBlank(line)) yield line;
    }
    parts.push(chunk.subarray(start));
    partBytes += chunk.length - start;
    if (partBytes > lineBytesMax) return yield 'tooLong';
    hold(partBytes);
  }
}

export function readMessage(line: Uint8Array): ReadLine {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(line));
  } catch {
    return { answer: errorLine(PARSE_ERROR, 'Parse error: the line is not JSON in UTF-8') };
  }
  try {
    return { message: parseJSONRPCMessage(value) };
  } catch {
    return {
      answer: errorLine(INVALID_REQUEST, 'Invalid request: not one JSON-RPC 2.0 message', value),
    };
  }
}

export function tooLongLine(lineBytesMax: number): string {
  return errorLine(PARSE_ERROR, `Parse error: a line is longer than ${lineBytesMax} bytes`);
}

/** JSON-RPC asks for a null id where the request's own cannot be read. */
function errorLine(code: number, message: string, request?: unknown): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id: idOf(request), error: { code, message } })}\n`;
}

function idOf(request: unknown): string | number | null {
  if (typeof request !== 'object' || request === null || !('id' in request)) return null;
  const { id } = request;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
