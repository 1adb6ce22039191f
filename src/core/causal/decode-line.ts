import { isRecord, encodeIssueLine, parseIssueLine, type IssueJson } from '../issue-line.ts';
import { TOMBSTONE, type Issue } from '../issue.ts';
import { CAUSAL_CHARS_MAX } from '../limits.ts';
import {
  VALUE_AS_FIRST,
  VALUE_CLEARED,
  VALUE_IN_X,
  createSequence,
  impliedVector,
} from './causal-line.ts';
import { uidsOf } from './comment-uid.ts';
import { parseDot, formatVector, isWithin, parseVector, type VersionVector } from './dot.ts';
import { CAUSAL_KEY, isElement, isRequired, isSequenced, kindOf } from './field-key.ts';
import { fieldsOf, type FieldHints } from './fields.ts';
import {
  compareSiblings,
  type Deletion,
  type IssueState,
  type Sibling,
  type Value,
} from './issue-state.ts';
import { readValue } from './sibling-value.ts';
import { seal } from './text-hash.ts';

export type DecodedLine =
  | { readonly kind: 'sealed'; readonly state: IssueState }
  /** Not what one of us wrote last: its record is to be lifted, its `_bd` is not to be believed. */
  | {
      readonly kind: 'foreign';
      readonly issue: Issue;
      /** The JSON that the issue was read from, as not all that it lacks can be seen in the issue. */
      readonly record: string;
      readonly why: string;
      /** The seal it carries: that of a version which was then changed without a new seal. */
      readonly seal?: string | undefined;
    }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** One line to its state: the inverse of `encodeState`. Never throws. `nowMs` as in `parseIssueLine`. */
export function decodeLine(line: string, nowMs: number): DecodedLine {
  const parts = splitSealed(line);
  if (parts === undefined) return decodeRewritten(line, nowMs);
  const { causal, classic } = parts;
  const parsed = parseIssueLine(classic, nowMs);
  if ('problem' in parsed) return decodeRewritten(line, nowMs);
  return judge(parsed.issue, { raw: causal, classic, record: classic });
}

/** The classic record of a line that `encodeState` wrote. */
export function classicPart(line: string): string {
  return splitSealed(line)?.classic ?? line;
}

/** The same as JSON data: what `--json` and the wire show. */
export function lineToJson(line: string): IssueJson {
  return JSON.parse(classicPart(line)) as IssueJson;
}

/** The seal of a line that `encodeState` wrote. */
export function sealOf(line: string): string | undefined {
  return /"h":"([0-9a-f]{8})"\}\}$/.exec(line)?.[1];
}

/** Our own lines end in `_bd`; no text within a JSON string has unescaped quotes. */
function splitSealed(line: string): { classic: string; causal: string } | undefined {
  const mark = `,"${CAUSAL_KEY}":{`;
  const at = line.lastIndexOf(mark);
  if (at < 0 || !line.endsWith('}}')) return undefined;
  return { classic: `${line.slice(0, at)}}`, causal: line.slice(at + mark.length - 1, -1) };
}

/** A tool that keeps unknown keys may still change blanks and their order. */
function decodeRewritten(line: string, nowMs: number): DecodedLine {
  const parsed = parseIssueLine(line, nowMs);
  if ('problem' in parsed) return { kind: 'unreadable', problem: parsed.problem };
  const { issue, raw } = withoutCausal(parsed.issue);
  if (raw === undefined) {
    return { kind: 'foreign', issue, record: line, why: `it has no ${CAUSAL_KEY}` };
  }
  return judge(issue, { raw, classic: encodeIssueLine(issue), record: line });
}

function withoutCausal({ opaque = {}, ...issue }: Issue): {
  issue: Issue;
  raw?: string | undefined;
} {
  const { [CAUSAL_KEY]: raw, ...rest } = opaque;
  return { issue: Object.keys(rest).length > 0 ? { ...issue, opaque: rest } : issue, raw };
}

function judge(
  parsed: Issue,
  { raw, classic, record }: { raw: string; classic: string; record: string },
): DecodedLine {
  // A merge of texts can leave a second `_bd` within the record.
  const { issue } = withoutCausal(parsed);
  const members = readMembers(raw);
  const isRead = typeof members !== 'string';
  const state = isRead ? decodeCausal(issue, { members, classic }) : members;
  if (typeof state !== 'string') return { kind: 'sealed', state };
  const why = `its ${CAUSAL_KEY} ${state}`;
  return { kind: 'foreign', issue, record, why, seal: isRead ? members.h : undefined };
}

/** The state, or what is wrong with `_bd`. */
function decodeCausal(
  issue: Issue,
  { members, classic }: { members: Members; classic: string },
): IssueState | string {
  if (members.h !== seal(classic)) return 'does not seal this record';
  const fields = fieldsOf(issue, hintsOf(issue, members));
  fields.delete('metadata_order');
  const entries = readEntries(issue, { members, fields });
  if (entries === undefined) return 'is malformed';
  const vector = readVector(entries, members.v ?? '');
  if (vector === undefined) return 'has a version vector that does not cover its dots';
  const seen = members.d ?? formatVector(vector);
  const known = parseVector(seen);
  if (known === undefined || !isWithin(known, vector)) return 'has a deletion from the future';
  return {
    id: issue.id,
    vector,
    entries: withSeen(entries, { seen, shown: fields.get('deleted') }),
    updatedAt: issue.updated_at,
  };
}

interface Members {
  readonly ''?: string;
  readonly v?: string;
  readonly f: Readonly<Record<string, string>>;
  readonly x: Readonly<Record<string, readonly unknown[]>>;
  readonly s?: string;
  readonly d?: string;
  readonly c: Readonly<Record<string, string>>;
  readonly p?: string;
  readonly h: string;
}

const TEXTS: ReadonlySet<string> = new Set(['', 'v', 's', 'd', 'p', 'h']);

/** What `_bd` holds, or what is wrong with it. */
function readMembers(raw: string): Members | string {
  if (raw.length > CAUSAL_CHARS_MAX) return `is longer than ${CAUSAL_CHARS_MAX} characters`;
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return 'is not JSON';
  }
  if (!isRecord(value)) return 'is not an object';
  for (const [name, member] of Object.entries(value)) {
    if (TEXTS.has(name)) {
      if (typeof member !== 'string') return 'is malformed';
    } else if (name === 'f' || name === 'c') {
      if (!isRecordOf(member, (item) => typeof item === 'string')) return 'is malformed';
    } else if (name === 'x') {
      if (!isRecordOf(member, Array.isArray)) return 'is malformed';
    } else {
      return `is from a newer version: it has ${JSON.stringify(name.slice(0, 40))}`;
    }
  }
  if (value['s'] === TOMBSTONE) return 'is malformed';
  return { f: {}, x: {}, c: {}, h: '', ...value };
}

/** Metadata that could be split and is not is always listed in `f`, as shown. */
function hintsOf(issue: Issue, { f, s, c, p }: Members): FieldHints {
  return {
    commentUids: uidsOf(issue.comments ?? []).map((uid, at) => c[String(at)] ?? uid),
    parentTarget: p,
    statusBelow: s,
    metadata: /^[0-9a-z.]+(?: |$)/.test(f['metadata'] ?? '') ? 'whole' : undefined,
  };
}

/** All siblings by key; `fields` are the values that the record shows. */
function readEntries(
  issue: Issue,
  { members, fields }: { members: Members; fields: ReadonlyMap<string, Value> },
): Map<string, readonly Sibling[]> | undefined {
  const creation = parseDot(members[''] ?? '');
  if (creation === undefined || fields.size < 5) return undefined;
  const sequence = createSequence(creation);
  const entries = new Map<string, readonly Sibling[]>();
  for (const [key, value] of fields) {
    const implicit = isSequenced(key) ? sequence.next() : creation;
    const siblings = Object.hasOwn(members.f, key)
      ? readSiblings(issue, key, { members, shown: { value } })
      : implicit && [{ ...implicit, value }];
    const [first] = siblings ?? [];
    if (siblings === undefined || first === undefined) return undefined;
    if (isSequenced(key)) sequence.follow(first);
    entries.set(key, [...siblings].sort(compareSiblings));
  }
  for (const key of Object.keys(members.f)) {
    if (entries.has(key)) continue;
    const siblings = readSiblings(issue, key, { members });
    if (siblings === undefined) return undefined;
    entries.set(key, siblings.sort(compareSiblings));
  }
  return Object.keys(members.x).every((key) => Object.hasOwn(members.f, key)) ? entries : undefined;
}

/** The siblings of one key, the shown one first; `shown` is its value in the record. */
function readSiblings(
  issue: Issue,
  key: string,
  { members: { f, x }, shown }: { members: Members; shown?: { value: Value } },
): Sibling[] | undefined {
  if (kindOf(key) === undefined) return undefined;
  const siblings: Sibling[] = [];
  const left = [...((Object.hasOwn(x, key) ? x[key] : undefined) ?? [])];
  const valueFor = (mark: string): { value: Value } | undefined => {
    if (mark === VALUE_AS_FIRST) return siblings[0];
    if (mark === VALUE_IN_X) return readValue(key, left.shift(), issue);
    if (mark !== VALUE_CLEARED && shown !== undefined) return shown;
    if (mark !== VALUE_CLEARED && key === 'deleted') return { value: { deleted: false } };
    return isElement(key) || isRequired(key) ? undefined : { value: undefined };
  };
  for (const [at, text] of (f[key] ?? '').split(' ').entries()) {
    const mark = /[+=-]$/.exec(text)?.[0] ?? '';
    const dot = parseDot(mark === '' ? text : text.slice(0, -1));
    // The first value is in the record, or it is a register that the record leaves out.
    const isInRecord = at === 0 && (shown !== undefined || (mark === '' && !isElement(key)));
    if (dot === undefined || (mark === '') !== isInRecord) return undefined;
    const found = valueFor(mark);
    if (found === undefined) return undefined;
    siblings.push({ ...dot, value: found.value });
  }
  return left.length === 0 ? siblings : undefined;
}

function readVector(
  entries: ReadonlyMap<string, readonly Sibling[]>,
  text: string,
): VersionVector | undefined {
  const parsed = parseVector(text);
  if (parsed === undefined) return undefined;
  const vector = impliedVector(entries);
  for (const [replica, counter] of parsed) {
    if (counter <= (vector.get(replica) ?? 0)) return undefined;
    vector.set(replica, counter);
  }
  return vector;
}

function withSeen(
  entries: Map<string, readonly Sibling[]>,
  { seen, shown }: { seen: string; shown: Value },
): Map<string, readonly Sibling[]> {
  const siblings = entries.get('deleted');
  if (siblings === undefined || shown === undefined || !(shown as Deletion).deleted) return entries;
  const completed = siblings.map((sibling) =>
    sibling.value === shown ? { ...sibling, value: { ...(shown as Deletion), seen } } : sibling,
  );
  return entries.set('deleted', completed.sort(compareSiblings));
}

function isRecordOf(value: unknown, is: (item: unknown) => boolean): boolean {
  return isRecord(value) && Object.values(value).every(is);
}
