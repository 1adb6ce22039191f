import { applyHunks, diffTexts, type Hunk } from './text-diff.ts';

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
