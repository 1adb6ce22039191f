import { encodeIssueLine } from '../issue-line.ts';
import { isSameRecord, type Comment, type Dependency, type Issue } from '../issue.ts';
import { uidsOf } from './comment-uid.ts';
import { formatDot, isSameDot, type Dot, formatVector, type VersionVector } from './dot.ts';
import { CAUSAL_KEY, isSequenced, keyName } from './field-key.ts';
import { firstParent, likelyStatusBelow } from './fields.ts';
import { isSameValue, type Deletion, type IssueState, type Sibling } from './issue-state.ts';
import { splitMetadata } from './metadata-members.ts';
import { deletionIn, hiddenSiblings, shownIn, shownSibling } from './shown.ts';
import { seal } from './text-hash.ts';
import { viewIssue, type View } from './view.ts';

/** Where a sibling's value is when the issue does not show it: in `x`, the same as the first one's, or absent. */
export const VALUE_IN_X = '+';
export const VALUE_AS_FIRST = '=';
export const VALUE_CLEARED = '-';

/**
 * The canonical line, without its newline: the classic record, and as last key `_bd` with what the
 * record does not show. Equal states give equal bytes. Members of `_bd`, each only when needed:
 *
 * - `""` the dot of the creation, which is that of every key not listed in `f`; edges and comments
 *   made with it have the numbers after it, in their order;
 * - `v` counters of the version vector that the dots here do not imply;
 * - `f` per key its dots, the shown one first, each with where its value is;
 * - `x` per key the values that the record does not show;
 * - `s` the status below a tombstone; `d` the version vector its deleter knew, if not the whole one;
 * - `c` uids of comments, by place, that their content does not give; `p` the parent, if not the
 *   first parent edge;
 * - `h` the seal of the classic record.
 */
export function encodeState(state: IssueState): string {
  return encodeIssue(state).line;
}

/** A state with what it shows and its line, which are made once: both cost more than to store them. */
export interface EncodedIssue {
  readonly state: IssueState;
  readonly view: View;
  readonly line: string;
  /** The classic record of the line. */
  readonly classic: string;
  /** Every value is in the record: where that can be read, the line gives the state back. */
  readonly isPlain: boolean;
  /** The line is known to give the state back; otherwise the store decodes it before it keeps it. */
  readonly readsBack: boolean;
}

/** A record that was read from a line, and its classic line. */
export interface ReadRecord {
  readonly issue: Issue;
  readonly classic: string;
}

/** The same line with the state and its view. `read` is the record that the state was made of, if there is one. */
export function encodeIssue(state: IssueState, read?: ReadRecord): EncodedIssue {
  const view = viewIssue(state);
  const isAsRead = read !== undefined && isSameRecord(view.issue, read.issue);
  const classic = isAsRead ? read.classic : encodeIssueLine(view.issue);
  const members = [
    ...dotMembers(state, view),
    ...hintMembers(state, view),
    `"h":"${seal(classic)}"`,
  ];
  const line = `${classic.slice(0, -1)},"${CAUSAL_KEY}":{${members.join(',')}}}`;
  const isPlain = hasPlainValues(state, view);
  return { state, view, line, classic, isPlain, readsBack: isAsRead && isPlain };
}

function hasPlainValues({ entries }: IssueState, { hidden, statusBelow }: View): boolean {
  if (hidden.size > 0 || statusBelow !== undefined) return false;
  for (const siblings of entries.values()) if (siblings.length > 1) return false;
  return true;
}

/** The counters that the dots alone imply. */
export function impliedVector(entries: IssueState['entries']): Map<string, number> {
  const vector = new Map<string, number>();
  for (const siblings of entries.values()) {
    for (const { replica, counter } of siblings) {
      if (counter > (vector.get(replica) ?? 0)) vector.set(replica, counter);
    }
  }
  return vector;
}

/** Numbers the edges and comments that were made with the issue, in the issue's order. */
export function createSequence(creation: Dot | undefined) {
  let last = creation;
  return {
    next: (): Dot | undefined =>
      last === undefined ? undefined : { ...last, counter: last.counter + 1 },
    follow: (dot: Dot): void => {
      if (dot.replica === creation?.replica && dot.ms === creation.ms) last = dot;
    },
  };
}

function dotMembers(state: IssueState, view: View): string[] {
  const creation = shownIn(state, 'created');
  const implicit = implicitElements(state, view, creation);
  const dots: string[] = [];
  const values: string[] = [];
  const explicit: string[] = [];
  for (const [key, siblings] of state.entries) {
    if (isSequenced(key) ? implicit.has(key) : isDefault(key, siblings, { view, creation }))
      continue;
    explicit.push(key);
  }
  for (const key of explicit.sort()) {
    const encoded = encodeSiblings(key, state.entries.get(key) ?? [], view);
    const name = JSON.stringify(key);
    dots.push(`${name}:"${encoded.dots.join(' ')}"`);
    if (encoded.values.length > 0) values.push(`${name}:[${encoded.values.join(',')}]`);
  }
  const counters = formatVector(unimplied(state));
  const members: string[] = [];
  if (creation !== undefined) members.push(`"":"${formatDot(creation)}"`);
  if (counters !== '') members.push(`"v":"${counters}"`);
  if (dots.length > 0) members.push(`"f":{${dots.join(',')}}`);
  if (values.length > 0) members.push(`"x":{${values.join(',')}}`);
  return members;
}

function implicitElements(
  { entries }: IssueState,
  { edges, comments }: View,
  creation: Dot | undefined,
): ReadonlySet<string> {
  const implicit = new Set<string>();
  if (edges.length === 0 && comments.length === 0) return implicit;
  const sequence = createSequence(creation);
  for (const { key, sibling } of [...edges, ...comments]) {
    const next = sequence.next();
    const isNext = next !== undefined && isSameDot(next, sibling) && next.ms === sibling.ms;
    if (isNext && entries.get(key)?.length === 1) implicit.add(key);
    sequence.follow(sibling);
  }
  return implicit;
}

function isDefault(
  key: string,
  siblings: readonly Sibling[],
  { view, creation }: { view: View; creation: Sibling | undefined },
): boolean {
  const [only] = siblings;
  return (
    siblings.length === 1 &&
    only !== undefined &&
    creation !== undefined &&
    only.counter === creation.counter &&
    only.ms === creation.ms &&
    only.replica === creation.replica &&
    !view.hidden.has(key) &&
    !isAbsentOrAmbiguous(key, only)
  );
}

/** A reader cannot know of a cleared key, and would split metadata that can be. */
function isAbsentOrAmbiguous(key: string, { value }: Sibling): boolean {
  if (value === undefined) return !key.startsWith('l/');
  if (key === 'metadata') return splitMetadata(value as string) !== undefined;
  return key === 'deleted' && Object.keys(value).length === 1;
}

function encodeSiblings(key: string, siblings: readonly Sibling[], view: View) {
  const shown = shownSibling(key, siblings);
  const values: string[] = [];
  const encode = ({ value }: Sibling): string => {
    if (value === undefined) return VALUE_CLEARED;
    values.push(JSON.stringify(value));
    return VALUE_IN_X;
  };
  const first = formatDot(shown) + (view.hidden.has(key) ? encode(shown) : '');
  const others = hiddenSiblings(shown, siblings).map(
    (sibling) =>
      formatDot(sibling) +
      (isSameValue(sibling.value, shown.value) ? VALUE_AS_FIRST : encode(sibling)),
  );
  return { dots: [first, ...others], values };
}

function unimplied({ entries, vector }: IssueState): VersionVector {
  const implied = impliedVector(entries);
  return new Map([...vector].filter(([replica, counter]) => implied.get(replica) !== counter));
}

function hintMembers(state: IssueState, view: View): string[] {
  const { issue, statusBelow, comments, edges } = view;
  const members: string[] = [];
  if (statusBelow !== undefined) {
    if (statusBelow !== likelyStatusBelow(issue))
      members.push(`"s":${JSON.stringify(statusBelow)}`);
    const { seen = '' } = { ...(deletionIn(state)?.value as Deletion | undefined) };
    if (seen !== formatVector(state.vector)) members.push(`"d":${JSON.stringify(seen)}`);
  }
  if (comments.length > 0) {
    const likely = uidsOf(comments.map(({ sibling }) => sibling.value as Comment));
    const uids = comments.map(({ key }) => keyName(key));
    const carried = uids.flatMap((uid, at) =>
      uid === likely[at] ? [] : [`"${at}":${JSON.stringify(uid)}`],
    );
    if (carried.length > 0) members.push(`"c":{${carried.join(',')}}`);
  }
  if (edges.length > 0) {
    const parent = edges.find(({ key }) => key === 'parent')?.sibling.value as
      | Dependency
      | undefined;
    const target = parent?.depends_on_id ?? '';
    const likely = firstParent(edges.map(({ sibling }) => sibling.value as Dependency));
    if (target !== likely) members.push(`"p":${JSON.stringify(target)}`);
  }
  return members;
}
