import { rawMembers } from '../issue-line.ts';

/** Metadata by its top-level keys, each value as its JSON text. */
export interface SplitMetadata {
  readonly members: ReadonlyMap<string, string>;
  /** The keys in the order they were written, unless that is sorted. */
  readonly order?: readonly string[];
}

/**
 * Undefined unless `joinMetadata` writes the very same text: no object, an empty one, one with blanks or
 * a key twice is kept whole.
 */
export function splitMetadata(raw: string): SplitMetadata | undefined {
  if (!raw.startsWith('{')) return undefined;
  const members = rawMembers(raw);
  if (members.size === 0 || joinMetadata(members, [...members.keys()]) !== raw) return undefined;
  const order = [...members.keys()];
  const isSorted = order.every((key, at) => at === 0 || (order[at - 1] ?? '') < key);
  return isSorted ? { members } : { members, order };
}

/** Members named in `order` first, then the others sorted; undefined when there are none. */
export function joinMetadata(
  members: ReadonlyMap<string, string>,
  order: readonly string[] = [],
): string | undefined {
  if (members.size === 0) return undefined;
  const ordered = new Set([
    ...order.filter((key) => members.has(key)),
    ...[...members.keys()].sort(),
  ]);
  return `{${[...ordered].map((key) => `${JSON.stringify(key)}:${members.get(key)}`).join(',')}}`;
}

/** The members of an object in any spelling, or undefined when it is none. */
export function looseMembers(raw: string): SplitMetadata | undefined {
  return raw.startsWith('{') ? { members: rawMembers(raw) } : undefined;
}

/** JSON text without the blanks between its tokens: programs that pass it on add or drop them. */
export function withoutBlanks(raw: string): string {
  return raw.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
}
