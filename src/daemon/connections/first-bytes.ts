import type { Socket } from 'node:net';
import { FIRST_BYTES_TIMEOUT_MS, HEADER_BYTES_MAX, LINE_BYTES_MAX } from '../../core/limits.ts';
import { decideFace, isMcpOpening, type Face } from '../../protocol/first-bytes.ts';

export interface Opening {
  face: 'line-json' | 'lsp' | 'mcp' | 'unknown' | 'silent' | 'ended';
  /** What was read to find out; the rest is still in the socket, which is paused. */
  bytes: Buffer;
}

/** Reads from a fresh connection until it is clear what it speaks. Never rejects. */
export function readOpening(
  socket: Socket,
  {
    timeoutMs = FIRST_BYTES_TIMEOUT_MS,
    hold = () => {},
  }: {
    timeoutMs?: number;
    /** Told how many bytes are kept until then. */
    hold?: (bytes: number) => void;
  } = {},
): Promise<Opening> {
  return new Promise((done) => {
    const pieces: Buffer[] = [];
    let length = 0;
    let known: Face | undefined;
    const finish = (face: Opening['face']): void => {
      clearTimeout(deadline);
      socket.off('data', read);
      socket.off('end', end);
      socket.off('close', close);
      socket.pause();
      done({ face, bytes: Buffer.concat(pieces, length) });
    };
    const read = (chunk: Buffer): void => {
      pieces.push(chunk);
      length += chunk.length;
      hold(length);
      known ??= decideFace(Buffer.concat(pieces, length));
      if (known === 'line-json') {
        // The first line has the method, which tells MCP from the rest.
        if (length > LINE_BYTES_MAX) finish('line-json');
        else if (chunk.includes('\n')) {
          const line = firstLine(Buffer.concat(pieces, length));
          if (line !== undefined) finish(isMcpOpening(line) ? 'mcp' : 'line-json');
        }
      } else if (known !== undefined) finish(known);
      // White space without end.
      else if (length > HEADER_BYTES_MAX) finish('unknown');
    };
    const end = (): void => finish(known ?? 'ended');
    const close = (): void => finish('ended');
    const deadline = setTimeout(() => {
      finish(known ?? 'silent');
    }, timeoutMs);
    socket.on('data', read);
    socket.on('end', end);
    socket.on('close', close);
  });
}

/** White space in front is no line; undefined while the line has no end. */
export function firstLine(bytes: Buffer): string | undefined {
  const start = bytes.indexOf('{');
  const end = bytes.indexOf('\n', start);
  return start < 0 || end < 0 ? undefined : bytes.toString('utf8', start, end);
}
