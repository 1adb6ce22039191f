import { DIFF_LINES_MAX, DIFF_STEPS_MAX } from '../limits.ts';

/**
 * What two people made of one text, line by line; undefined when what they changed overlaps or
 * touches, unless they changed it alike. The sides can be swapped.
 *
 * Whether the last line has an end is merged apart from the lines: who adds a line below one without
 * an end did not change that one.
 */
export function mergeTexts(base: string, left: string, right: string): string | undefined {
  if (left === right || right === base) return left;
  if (left === base) return right;
  const lineEnd = lineEndOf(base, ...[left, right].sort());
  const merged = mergeLines(
    terminated(base, lineEnd),
    terminated(left, lineEnd),
    terminated(right, lineEnd),
  );
  const changed = left.endsWith('\n') === base.endsWith('\n') ? right : left;
  return changed.endsWith('\n') ? merged : merged && unterminated(merged, lineEnd);
}

/**
 * What two people added at the end of one text, one addition after the other, each on lines of its
 * own; undefined when one of them did anything else.
 */
export function mergeAppended(base: string, first: string, second: string): string | undefined {
  const [earlier, later] = [addition(base, first), addition(base, second)];
  if (earlier === undefined || later === undefined) return undefined;
  const lineEnd = lineEndOf(first, second);
  return terminated(terminated(base, lineEnd) + earlier, lineEnd) + later;
}

/** The lines of both: common ones once, and where the texts differ the left one's first. */
export function unionTexts(left: string, right: string): string {
  const lineEnd = lineEndOf(left, right);
  const [above, below] = [terminated(left, lineEnd), terminated(right, lineEnd)];
  const hunks = diffTexts(above, below);
  const union =
    hunks === undefined
      ? above + below
      : applyHunks(
          above,
          hunks.map(({ end, text }) => ({ start: end, end, text })),
        );
  const isTerminated = left.endsWith('\n') || right.endsWith('\n');
  return isTerminated ? union : union.slice(0, union.length - lineEnd.length);
}

function mergeLines(base: string, left: string, right: string): string | undefined {
  const [mine, yours] = [diffTexts(base, left), diffTexts(base, right)];
  if (mine === undefined || yours === undefined) return undefined;
  const hunks = separateHunks([...mine, ...yours]);
  return hunks === undefined ? undefined : applyHunks(base, hunks);
}

/** In order, equal ones once; undefined if two touch. Those of one text never do. */
function separateHunks(hunks: readonly Hunk[]): Hunk[] | undefined {
  const separate: Hunk[] = [];
  for (const hunk of [...hunks].sort((left, right) => left.start - right.start)) {
    const before = separate.at(-1);
    if (before === undefined || hunk.start > before.end) separate.push(hunk);
    else if (!isSameHunk(before, hunk)) return undefined;
  }
  return separate;
}

function isSameHunk(left: Hunk, right: Hunk): boolean {
  return left.start === right.start && left.end === right.end && left.text === right.text;
}

/** The lines that follow the base, without the end of its last line. */
function addition(base: string, text: string): string | undefined {
  if (!text.startsWith(base)) return undefined;
  const rest = text.slice(base.length);
  if (base === '' || base.endsWith('\n')) return rest;
  const [lineEnd] = /^\r?\n/.exec(rest) ?? [];
  return lineEnd === undefined ? undefined : rest.slice(lineEnd.length);
}

function terminated(text: string, lineEnd: string): string {
  return text === '' || text.endsWith('\n') ? text : text + lineEnd;
}

function unterminated(text: string, lineEnd: string): string {
  const end = text.endsWith(lineEnd) ? lineEnd : '\n';
  return text.endsWith(end) ? text.slice(0, text.length - end.length) : text;
}

function lineEndOf(...texts: readonly string[]): string {
  for (const text of texts) {
    const [lineEnd] = /\r?\n/.exec(text) ?? [];
    if (lineEnd !== undefined) return lineEnd;
  }
  return '\n';
}

/** Whole lines of a text, from `start` to `end` in characters, that became `text`. */
export interface Hunk {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * The least lines that make `to` of `from` (Myers, "An O(ND) Difference Algorithm", 1986), in order,
 * with a line between two hunks that neither changed. A line includes its end, so `b` and `b\n` differ.
 * Undefined when the texts have so little in common that it would take long.
 */
export function diffTexts(from: string, to: string): Hunk[] | undefined {
  const { prefix, suffix } = commonEnds(from, to);
  const [gone, come] = [
    from.slice(prefix, from.length - suffix),
    to.slice(prefix, to.length - suffix),
  ];
  if (gone === come) return [];
  if (gone === '' || come === '') return [{ start: prefix, end: prefix + gone.length, text: come }];
  const [before, after] = [linesOf(gone), linesOf(come)];
  if (before === undefined || after === undefined) return undefined;
  const numbers = new Map<string, number>();
  const edits = shortestEdits(numbered(before, numbers), numbered(after, numbers));
  if (edits === undefined) return undefined;
  const hunks: Hunk[] = [];
  let start = prefix;
  let line = 0;
  for (const { removed, added } of edits) {
    start += charsOf(before.slice(line, removed.start));
    const end = start + charsOf(before.slice(removed.start, removed.end));
    hunks.push({ start, end, text: after.slice(added.start, added.end).join('') });
    [start, line] = [end, removed.end];
  }
  return hunks;
}

/** The text with each hunk's lines replaced; hunks are in order and do not overlap. */
export function applyHunks(from: string, hunks: readonly Hunk[]): string {
  let text = '';
  let at = 0;
  for (const hunk of hunks) {
    text += from.slice(at, hunk.start) + hunk.text;
    at = hunk.end;
  }
  return text + from.slice(at);
}

/** How many characters of whole lines both begin and end with. */
function commonEnds(from: string, to: string): { prefix: number; suffix: number } {
  const length = Math.min(from.length, to.length);
  let prefix = 0;
  while (prefix < length && from.charCodeAt(prefix) === to.charCodeAt(prefix)) prefix += 1;
  const isWhole = prefix === from.length && prefix === to.length;
  if (!isWhole && prefix > 0) prefix = from.lastIndexOf('\n', prefix - 1) + 1;
  let suffix = 0;
  while (
    suffix < length - prefix &&
    from.charCodeAt(from.length - suffix - 1) === to.charCodeAt(to.length - suffix - 1)
  ) {
    suffix += 1;
  }
  const [left, right] = [from.length - suffix, to.length - suffix];
  if (isLineStart(from, left) && isLineStart(to, right)) return { prefix, suffix };
  const next = from.indexOf('\n', left);
  return { prefix, suffix: next < 0 ? 0 : from.length - next - 1 };
}

function isLineStart(text: string, at: number): boolean {
  return at === 0 || text[at - 1] === '\n';
}

function linesOf(text: string): string[] | undefined {
  const lines: string[] = [];
  for (let at = 0; at < text.length;) {
    if (lines.length === DIFF_LINES_MAX) return undefined;
    const end = text.indexOf('\n', at);
    const next = end < 0 ? text.length : end + 1;
    lines.push(text.slice(at, next));
    at = next;
  }
  return lines;
}

function charsOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}

/** Equal lines get equal numbers, so that comparing them costs nothing. */
function numbered(lines: readonly string[], numbers: Map<string, number>): number[] {
  return lines.map((line) => {
    const number = numbers.get(line) ?? numbers.size;
    numbers.set(line, number);
    return number;
  });
}

interface Range {
  start: number;
  end: number;
}

/** Lines of the one text that are replaced by lines of the other. */
interface Edit {
  removed: Range;
  added: Range;
}

/**
 * `reached[k]` is how far in `from` the diagonal `k` was followed with so many edits; each round
 * allows one edit more, and its beginning is kept to find the way back.
 */
function shortestEdits(from: readonly number[], to: readonly number[]): Edit[] | undefined {
  const middle = from.length + to.length + 1;
  const reached = new Int32Array(2 * middle + 1);
  const rounds: Int32Array[] = [];
  let steps = 0;
  for (let round = 0; ; round++) {
    rounds.push(reached.slice(middle - round, middle + round + 1));
    for (let diagonal = -round; diagonal <= round; diagonal += 2) {
      const isInsert = comesByInsert(reached, { at: middle + diagonal, diagonal, round });
      let x = isInsert
        ? (reached[middle + diagonal + 1] ?? 0)
        : (reached[middle + diagonal - 1] ?? 0) + 1;
      while (x < from.length && x - diagonal < to.length && from[x] === to[x - diagonal]) {
        x += 1;
        steps += 1;
      }
      reached[middle + diagonal] = x;
      if (x >= from.length && x - diagonal >= to.length) {
        return tracedBack(rounds, { x: from.length, y: to.length });
      }
      steps += 1;
      if (steps > DIFF_STEPS_MAX) return undefined;
    }
  }
}

function comesByInsert(
  reached: Int32Array,
  { at, diagonal, round }: { at: number; diagonal: number; round: number },
): boolean {
  if (diagonal === -round) return true;
  return diagonal !== round && (reached[at - 1] ?? 0) < (reached[at + 1] ?? 0);
}

function tracedBack(rounds: readonly Int32Array[], { x, y }: { x: number; y: number }): Edit[] {
  const edits: Edit[] = [];
  for (let round = rounds.length - 1; round > 0; round--) {
    const reached = rounds[round] ?? new Int32Array();
    const diagonal = x - y;
    const isInsert = comesByInsert(reached, { at: diagonal + round, diagonal, round });
    const previous = isInsert ? diagonal + 1 : diagonal - 1;
    x = reached[previous + round] ?? 0;
    y = x - previous;
    const removed = { start: x, end: isInsert ? x : x + 1 };
    const added = { start: y, end: isInsert ? y + 1 : y };
    const later = edits.at(-1);
    if (later?.removed.start === removed.end && later.added.start === added.end) {
      later.removed.start = x;
      later.added.start = y;
    } else {
      edits.push({ removed, added });
    }
  }
  return edits.reverse();
}
