import { describe, expect, test } from 'vitest';
import {
  applyHunks,
  diffTexts,
  mergeAppended,
  mergeTexts,
  unionTexts,
} from '../../../src/core/causal/text-merge.ts';
import { DIFF_LINES_MAX, TEXT_CHARS_MAX } from '../../../src/core/limits.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';
import fc from 'fast-check';

const line = fc.constantFrom('a\n', 'b\n', 'c\n', 'd\r\n', '\n', 'ab\n');
const text = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('', 'a', 'end', '\r'))
  .map(([lines, last]) => lines.join('') + last);

/** Texts that share much, as versions of one text do. */
const versions = fc
  .tuple(text, text, text, text, text)
  .map(([start, changed, kept, other, end]) => ({
    base: start + kept + end,
    left: start + changed + kept + end,
    right: start + kept + other + end,
  }));

function property<T>(name: string, values: fc.Arbitrary<T>, check: (value: T) => void): void {
  test(
    name,
    () => {
      fc.assert(fc.property(values, check), propertyRuns(2000));
    },
    PROPERTY_TIMEOUT_MS,
  );
}

const linesOf = (given: string): string[] => given.match(/[^\n]*\n|[^\n]+/g) ?? [];

describe('the difference of two texts', () => {
  property('makes one of the other, in whole lines', fc.tuple(text, text), ([from, to]) => {
    const hunks = diffTexts(from, to)!;
    expect(applyHunks(from, hunks)).toBe(to);
    let end = -1;
    for (const hunk of hunks) {
      expect(hunk.start).toBeGreaterThan(end);
      expect(hunk.start === 0 || from[hunk.start - 1] === '\n').toBe(true);
      expect(hunk.end === from.length || hunk.end === 0 || from[hunk.end - 1] === '\n').toBe(true);
      end = hunk.end;
    }
  });

  property('changes no more lines than it must', fc.tuple(text, text), ([from, to]) => {
    const hunks = diffTexts(from, to)!;
    const changed = hunks.reduce(
      (sum, { start, end, text }) =>
        sum + linesOf(from.slice(start, end)).length + linesOf(text).length,
      0,
    );
    const [left, right] = [linesOf(from), linesOf(to)];
    expect(changed).toBe(left.length + right.length - 2 * commonLines(left, right));
  });

  test('of texts that have nothing in common is not sought for long', () => {
    const lines = (name: string, count: number) =>
      Array.from({ length: count }, (_, at) => `${name}${at}\n`).join('');
    expect(diffTexts(lines('a', 2000), lines('b', 2000))).toBeUndefined();
    const framed = (frame: string, count: number) =>
      `${frame}\n${'x\n'.repeat(count - 2)}${frame}\n`;
    const most = DIFF_LINES_MAX;
    expect(diffTexts(framed('y', most), framed('z', most))).toHaveLength(2);
    expect(diffTexts(framed('y', most + 1), framed('z', most))).toBeUndefined();
    expect(diffTexts(framed('y', most), framed('z', most + 1))).toBeUndefined();
    const long = 'x\n'.repeat(TEXT_CHARS_MAX / 2);
    expect(diffTexts(long, `first\n${long}`)).toHaveLength(1);
    expect(diffTexts('', long)).toHaveLength(1);
    expect(diffTexts(long, '')).toHaveLength(1);
  });
});

/** Length of the longest common subsequence, by the textbook. */
function commonLines(left: readonly string[], right: readonly string[]): number {
  let row = right.map(() => 0);
  for (const one of left) {
    const next: number[] = [];
    for (const [at, other] of right.entries()) {
      const diagonal = at === 0 ? 0 : row[at - 1]!;
      next.push(one === other ? diagonal + 1 : Math.max(row[at]!, at === 0 ? 0 : next[at - 1]!));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

describe('two versions of one text', () => {
  test.each([
    ['changes of lines apart', 'a\nb\nc\n', 'A\nb\nc\n', 'a\nb\nC\n', 'A\nb\nC\n'],
    ['an insertion and a removal', 'a\nb\nc\n', 'new\na\nb\nc\n', 'a\nb\n', 'new\na\nb\n'],
    ['equal changes', 'a\nb\nc\nd\n', 'A\nb\nc\nD\n', 'A\nb\nc\nd\n', 'A\nb\nc\nD\n'],
    ['one line changed twice', 'a\n', 'b\n', 'c\n', undefined],
    ['lines that touch', 'a\nb\n', 'A\nb\n', 'a\nB\n', undefined],
    ['an insertion beside a change', 'a\nb\nc\n', 'a\nnew\nb\nc\n', 'A\nb\nc\n', undefined],
    ['two insertions in one place', 'a\nb\n', 'a\n1\nb\n', 'a\n2\nb\n', undefined],
    ['a change within what was removed', 'a\nb\nc\n', '', 'a\nB\nc\n', undefined],
    ['no end of the last line', 'a\nb\nc', 'A\nb\nc', 'a\nb\nC', 'A\nb\nC'],
    ['an end put to the last line', 'a\nb\nc', 'A\nb\nc', 'a\nb\nc\n', 'A\nb\nc\n'],
    ['a line below one without an end', 'a\nb', 'A\nb', 'a\nb\nc', 'A\nb\nc'],
    ['lines below one without an end', 'a\nb', 'A\nb', 'a\nb\nc\n', 'A\nb\nc\n'],
    ['the last line gone, which had no end', 'a\nb\nc', 'A\nb\nc', 'a\nb', 'A\nb'],
    ['a line below a DOS one', 'a\r\nb', 'A\r\nb', 'a\r\nb\r\nc', 'A\r\nb\r\nc'],
    ['a line below the only one', 'b', 'a\r\nb', 'b\r\nc', 'a\r\nb\r\nc'],
    ['a line below one that ends oddly', 'a\nb\r', 'A\nb\r', 'a\nb\r\nc\r', 'A\nb\r\nc\r'],
    ['an odd end that stays', 'a\nb\nc\r', 'A\nb\nc\r', 'a\nb\nx\nc\r', 'A\nb\nx\nc\r'],
    ['a change of the last line and one below', 'a\nb', 'a\nB', 'a\nb\nc', undefined],
    ['ends as in DOS', 'a\r\nb\r\nc\r\n', 'A\r\nb\r\nc\r\n', 'a\r\nb\r\nC\r\n', 'A\r\nb\r\nC\r\n'],
    ['empty lines first', '\nb\nc\n', 'x\n\nb\nc\n', '\nb\nC\n', 'x\n\nb\nC\n'],
    ['two first texts', '', 'one', 'two', undefined],
  ])('%s', (_name, base, left, right, expected) => {
    expect(mergeTexts(base, left, right)).toBe(expected);
    expect(mergeTexts(base, right, left)).toBe(expected);
  });

  property('are merged alike from either side', fc.tuple(text, text, text), ([base, a, b]) => {
    expect(mergeTexts(base, a, b)).toBe(mergeTexts(base, b, a));
  });

  property('of which one is unchanged give the other', fc.tuple(text, text), ([base, other]) => {
    expect(mergeTexts(base, base, other)).toBe(other);
    expect(mergeTexts(base, other, base)).toBe(other);
    expect(mergeTexts(base, other, other)).toBe(other);
  });

  property('give a text of their lines only, or none', versions, ({ base, left, right }) => {
    const merged = mergeTexts(base, left, right);
    if (merged === undefined) return;
    const known = new Set([left, right].flatMap(linesOf));
    expect(linesOf(merged).filter((one) => !known.has(one))).toEqual([]);
  });

  property(
    'keep both changes where a line between them stays',
    fc.tuple(text, text, text, text),
    ([above, newAbove, below, newBelow]) => {
      const [first, second] = [above, newAbove].map((part) => `${part}\n---\n`) as [string, string];
      const base = `${first}|\n${below}`;
      const merged = mergeTexts(base, `${second}|\n${below}`, `${first}|\n${newBelow}`);
      expect(merged).toBe(`${second}|\n${newBelow}`);
    },
  );

  test('too different to compare are left to a person', () => {
    const lines = (name: string) =>
      Array.from({ length: 2000 }, (_, at) => `${name}${at}\n`).join('');
    expect(mergeTexts(lines('a'), lines('b'), `${lines('a')}end\n`)).toBeUndefined();
  });
});

describe('what two people added at the end', () => {
  test.each([
    ['lines', 'old\n', 'old\na\n', 'old\nb\n', 'old\na\nb\n'],
    ['lines without an end', 'old', 'old\na', 'old\nb', 'old\na\nb'],
    ['only one without an end', 'old\n', 'old\na', 'old\nb\n', 'old\na\nb\n'],
    ['an end of the line only', 'old', 'old\n', 'old\nb', 'old\nb'],
    ['the first one with an end', 'old', 'old\na\n', 'old\nb', 'old\na\nb'],
    ['lines as in DOS', 'old', 'old\r\na', 'old\r\nb', 'old\r\na\r\nb'],
    ['paragraphs', 'old\n', 'old\n\na\n', 'old\n\nb\n', 'old\n\na\n\nb\n'],
    ['the first lines of all', '', 'a', 'b', 'a\nb'],
    ['words in the last line', 'old', 'old and a', 'old\nb', undefined],
    ['something else', 'old\n', 'new\na\n', 'old\nb\n', undefined],
    ['nothing', 'old', 'old', 'old\nb', undefined],
  ])('%s', (_name, base, first, second, expected) => {
    expect(mergeAppended(base, first, second)).toBe(expected);
  });
});

describe('the lines of two texts', () => {
  test.each([
    ['stretches that differ', 'a\nb\nc\n', 'a\nB\nc\n', 'a\nb\nB\nc\n'],
    ['nothing on one side', '', 'a', 'a'],
    ['nothing in common', 'a', 'b', 'a\nb'],
    ['an end that only one has', 'a\nb', 'a\nb\n', 'a\nb\n'],
    ['DOS', 'a\r\nb', 'a\r\nc', 'a\r\nb\r\nc'],
    ['nothing', '', '', ''],
  ])('%s', (_name, left, right, expected) => {
    expect(unionTexts(left, right)).toBe(expected);
  });

  const plain = text.filter((given) => !given.endsWith('\r'));
  property('are all there, in the order of each', fc.tuple(plain, plain), ([left, right]) => {
    const contents = (given: string) => linesOf(given).map((one) => one.replace(/\r?\n$/, ''));
    const union = contents(unionTexts(left, right));
    for (const given of [left, right]) {
      const lines = contents(given);
      expect(commonLines(union, lines)).toBe(lines.length);
    }
  });

  test('of texts too different to compare stand one below the other', () => {
    const lines = (name: string) =>
      Array.from({ length: 2000 }, (_, at) => `${name}${at}\n`).join('');
    expect(unionTexts(lines('a'), lines('b'))).toBe(lines('a') + lines('b'));
  });
});
