import type { CallToolResult } from '@modelcontextprotocol/server';
import { BdError, toBdError } from '../core/errors.ts';
import { MCP_ISSUES_MAX, MCP_RESULT_BYTES_MAX, NAME_CHARS_MAX } from '../core/limits.ts';

/** Values within an error may be issue text, and no error needs more of it. */
const ERROR_CHARS_MAX = 1_000;

interface Cuts {
  textChars: number;
  listItems: number;
}

/** From mild to harsh: the first that makes the result fit is used. */
const CUTS: readonly Cuts[] = [
  { textChars: MCP_RESULT_BYTES_MAX, listItems: 50 },
  { textChars: 8_192, listItems: 50 },
  { textChars: 4_096, listItems: 50 },
  { textChars: 2_048, listItems: 50 },
  { textChars: 1_024, listItems: 20 },
  { textChars: 512, listItems: 10 },
  { textChars: 256, listItems: 5 },
  { textChars: 64, listItems: 2 },
  { textChars: 16, listItems: 1 },
];

/** For the members of the result itself: lists of issues and of ids. */
const WHOLE: Cuts = { textChars: NAME_CHARS_MAX, listItems: MCP_ISSUES_MAX };

/** Half an id names nothing. */
const WHOLE_FIELDS: ReadonlySet<string> = new Set(['id', 'parent']);

/**
 * The same compact JSON twice, because clients give their model either one: as data and as text.
 * It is cut to fit a model (`truncated`) and freed from invisible characters (`sanitized`); the
 * objects that lost something say so.
 */
export function toolResult(value: object): CallToolResult {
  let shown: Record<string, unknown> = {};
  let text = '';
  for (const cuts of CUTS) {
    shown = presentObject(value, { cuts, isRoot: true });
    text = JSON.stringify(shown);
    if (Buffer.byteLength(text) <= MCP_RESULT_BYTES_MAX) break;
  }
  return { content: [{ type: 'text', text }], structuredContent: shown };
}

export function toolError(error: unknown): CallToolResult {
  return { content: [{ type: 'text', text: describeError(error) }], isError: true };
}

/** `code: what happened. what to do.`, on one line; of unknown errors, nothing but that. */
export function describeError(error: unknown): string {
  const known = error instanceof BdError && error.code !== 'INTERNAL';
  const { code, message, remedy } = known ? error : withoutDetail(error);
  const text = `${code.toLowerCase()}: ${message.replace(/\.$/, '')}. ${remedy}`;
  return cutText(withoutInvisible(text).replace(/\s+/g, ' '), ERROR_CHARS_MAX);
}

function withoutDetail(error: unknown): BdError {
  const { code, remedy } = toBdError(error);
  return new BdError(code, { message: 'bd failed unexpectedly', remedy });
}

interface Marks {
  truncated?: true;
  sanitized?: true;
}

function presentObject(
  value: object,
  { cuts, isRoot }: { cuts: Cuts; isRoot: boolean },
): Record<string, unknown> {
  const marks: Marks = {};
  const shown: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) continue;
    const isWhole = isRoot || WHOLE_FIELDS.has(name);
    shown[name] = present(member, { cuts, own: isWhole ? WHOLE : cuts, marks });
  }
  return { ...shown, ...marks };
}

/** `own` is for the member itself, `cuts` for the objects within. */
function present(
  value: unknown,
  { cuts, own, marks }: { cuts: Cuts; own: Cuts; marks: Marks },
): unknown {
  if (typeof value === 'string') return presentText(value, { cuts: own, marks });
  if (Array.isArray(value)) {
    if (value.length > own.listItems) marks.truncated = true;
    const items: unknown[] = value.slice(0, own.listItems);
    return items.map((item) => present(item, { cuts, own, marks }));
  }
  if (typeof value !== 'object' || value === null) return value;
  return presentObject(value, { cuts, isRoot: false });
}

function presentText(text: string, { cuts, marks }: { cuts: Cuts; marks: Marks }): string {
  const cut = cutText(text, cuts.textChars);
  if (cut !== text) marks.truncated = true;
  const plain = withoutInvisible(cut);
  if (plain !== cut) marks.sanitized = true;
  return plain;
}

/**
 * What a person does not see but a model reads: control characters but tab and line ends, and the
 * characters Unicode calls ignorable, such as directional marks, zero-width and tag characters. One
 * variation selector belongs to an emoji; several in a row carry a hidden message.
 */
const INVISIBLE =
  /(?![\t\n\r]|[\u{fe00}-\u{fe0f}])[\p{Cc}\p{Default_Ignorable_Code_Point}\u{fff9}-\u{fffb}]|[\u{fe00}-\u{fe0f}]{2,}/gu;

export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, '');
}

/** At most `charsMax` UTF-16 units, and no half of a surrogate pair at the end. */
export function cutText(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const last = text.charCodeAt(charsMax - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHalf ? charsMax - 1 : charsMax);
}
