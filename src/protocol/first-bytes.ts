import { OPENING_LINE_BYTES_MAX } from '../core/limits.ts';

const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);
const OPENING_BRACE = 0x7b;
const LSP_START = 'content-';
const MCP_OPENINGS: ReadonlySet<unknown> = new Set(['bd/hello', 'initialize', 'server/discover']);

/**
 * Whether a connection that begins with these bytes is of one kind; undefined while they are too few to
 * tell. White space in front says nothing.
 */
export function beginsAsJson(bytes: Uint8Array): boolean | undefined {
  const start = startOf(bytes);
  return start === undefined ? undefined : bytes[start] === OPENING_BRACE;
}

export function beginsAsLsp(bytes: Uint8Array): boolean | undefined {
  const start = startOf(bytes);
  if (start === undefined) return undefined;
  const head = bytes.subarray(start, start + LSP_START.length);
  const text = String.fromCharCode(...head).toLowerCase();
  if (text === LSP_START) return true;
  return LSP_START.startsWith(text) ? undefined : false;
}

/** An MCP client's first line has one of a few methods. */
export function beginsAsMcp(bytes: Buffer): boolean | undefined {
  const isJson = beginsAsJson(bytes);
  if (isJson !== true) return isJson;
  const line = firstLine(bytes);
  if (line === undefined) return bytes.length > OPENING_LINE_BYTES_MAX ? false : undefined;
  // Most first lines are commands: they are not parsed twice.
  if (!/"(bd\/hello|initialize|server\/discover)"/.test(line)) return false;
  try {
    return MCP_OPENINGS.has((JSON.parse(line) as { method?: unknown }).method);
  } catch {
    return false;
  }
}

/** The line that begins with the first `{`; undefined while it has no end. */
export function firstLine(bytes: Buffer): string | undefined {
  const start = bytes.indexOf(OPENING_BRACE);
  const end = bytes.indexOf('\n', start);
  return start < 0 || end < 0 ? undefined : bytes.toString('utf8', start, end);
}

function startOf(bytes: Uint8Array): number | undefined {
  const start = bytes.findIndex((byte) => !SPACES.has(byte));
  return start < 0 ? undefined : start;
}
