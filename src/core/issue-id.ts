import { CHILD_DEPTH_MAX } from './limits.ts';

declare const issueId: unique symbol;

/** `<prefix>-<base36>` and `<parent>.<n>`; classic ids of any other shape are accepted as they are. */
export type IssueId = string & { readonly [issueId]: true };

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';
const LENGTH_MIN = 4;
const LENGTH_MAX = 12;

/** Chance that a new id meets one of another clone, unseen yet; the insert checks our own. */
const COLLISION_PROBABILITY_MAX = 0.001;

/** Anything a person can type as one word; the only characters refused are those that break lines or paths. */
const ID_SHAPE = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}$/;

export function isIssueId(text: string): text is IssueId {
  return ID_SHAPE.test(text);
}

/**
 * A random id: short at first, longer as the project grows (birthday bound on `issueCount`).
 * `randomBytes(n)` supplies n random bytes.
 */
export function randomIssueId({
  prefix,
  issueCount,
  randomBytes,
}: {
  prefix: string;
  issueCount: number;
  randomBytes: (count: number) => Uint8Array;
}): IssueId {
  let text = '';
  while (text.length < idLength(issueCount)) {
    for (const byte of randomBytes(LENGTH_MAX)) {
      // 252 is the largest multiple of 36 below 256: dropping the rest keeps every digit equally likely.
      if (byte < 252 && text.length < idLength(issueCount)) text += ALPHABET[byte % 36];
    }
  }
  return `${prefix}-${text}` as IssueId;
}

export function childIssueId(parent: IssueId, number: number): IssueId {
  return `${parent}.${number}` as IssueId;
}

/** The `n` of `<parent>.<n>`, or undefined when `id` is no direct child of `parent`. */
export function childNumber(parent: string, id: string): number | undefined {
  if (!id.startsWith(`${parent}.`)) return undefined;
  const rest = id.slice(parent.length + 1);
  return /^\d{1,9}$/.test(rest) ? Number(rest) : undefined;
}

export function isDeepestChild(id: string): boolean {
  return (id.match(/\.\d+(?=\.|$)/g) ?? []).length >= CHILD_DEPTH_MAX;
}

/** Lower-case letters, digits and hyphens: what `init` makes of a directory name. */
export function prefixFrom(name: string): string {
  const prefix = name
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return prefix === '' ? 'bd' : prefix.slice(0, 40);
}

function idLength(issueCount: number): number {
  const needed = (issueCount * issueCount) / (2 * COLLISION_PROBABILITY_MAX);
  const length = Math.ceil(Math.log(Math.max(needed, 1)) / Math.log(ALPHABET.length));
  return Math.min(Math.max(length, LENGTH_MIN), LENGTH_MAX);
}
