/** What a connection speaks; decided once, by its first bytes, and never again. */
export type Face = 'line-json' | 'lsp' | 'unknown';

const LSP_START = 'content-';

const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

const MCP_OPENINGS: ReadonlySet<unknown> = new Set(['bd/hello', 'initialize', 'server/discover']);

/** Undefined while the bytes so far fit more than one face. White space in front says nothing. */
export function decideFace(bytes: Uint8Array): Face | undefined {
  const start = bytes.findIndex((byte) => !SPACES.has(byte));
  if (start < 0) return undefined;
  if (bytes[start] === 0x7b /* { */) return 'line-json';
  const text = String.fromCharCode(
    ...bytes.subarray(start, start + LSP_START.length),
  ).toLowerCase();
  if (text === LSP_START) return 'lsp';
  return LSP_START.startsWith(text) ? undefined : 'unknown';
}

/** Whether a connection that begins with this line is an MCP client's. */
export function isMcpOpening(line: string): boolean {
  // Most first lines are commands: they are not parsed twice.
  if (!/"(bd\/hello|initialize|server\/discover)"/.test(line)) return false;
  try {
    const message: unknown = JSON.parse(line);
    return (
      typeof message === 'object' &&
      message !== null &&
      'method' in message &&
      MCP_OPENINGS.has(message.method)
    );
  } catch {
    return false;
  }
}
