import fc from 'fast-check';
import { CAUSAL_KEY, commentKey } from '../../../src/core/causal/field-key.ts';
import type { IssueState, Value } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { diffToWrites } from '../../../src/core/causal/lift.ts';
import {
  applyWrites,
  restoreWrite,
  tombstoneWrites,
  type Write,
} from '../../../src/core/causal/write.ts';
import { isDeleted, type Issue } from '../../../src/core/issue.ts';
import { BORN_MS, created, shown, throughLine } from './state.ts';

const REPLICAS = 4;
const YEAR_MS = 365 * 86_400_000;

export interface Step {
  replica: number;
  other: number;
  act: (typeof ACTS)[number];
  pick: number;
  value: number;
}

const ACTS = [
  'register',
  'register',
  'register',
  'state',
  'label',
  'unlabel',
  'edge',
  'unedge',
  'parent',
  'comment',
  'edit',
  'uncomment',
  'delete',
  'restore',
  'shrink',
  'several',
  'metadata',
  'foreign',
  'join',
  'join',
  'join',
  'line',
  'line',
] as const;

/** What several clones did to one issue; whose clock was wrong by how much is no part of it. */
export const steps = fc.array(
  fc.record({
    replica: fc.nat({ max: REPLICAS - 1 }),
    other: fc.nat({ max: REPLICAS - 1 }),
    act: fc.constantFrom(...ACTS),
    pick: fc.nat({ max: 20 }),
    value: fc.nat({ max: 5 }),
  }),
  // Concurrent writes of one key are rare in a short history.
  { maxLength: 40, size: '+1' },
);

/** Steps whose writes do not depend on which sibling was shown. */
export const blindSteps = steps.map((all) => all.filter(({ act }) => act !== 'foreign'));

const skew = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -50 * YEAR_MS, max: 50 * YEAR_MS }),
  fc.integer({ min: -3000, max: 3000 }),
);
export const skews = fc.tuple(skew, skew, skew, skew);

/** One event of the model: what it knew, and what it did to which key. */
export interface Event {
  past: ReadonlySet<Event>;
  /** By key: the dot of what it put there, or undefined where it only removed. */
  keys: Map<string, string | undefined>;
  /** By key: the values put there. */
  values: Map<string, Value>;
}

export interface Clone {
  state: IssueState;
  /** Every event that has reached it. */
  known: Set<Event>;
}

/** Plays a history on clones that begin with one issue, and keeps every event with its causal past. */
export function play(history: readonly Step[], clocks: readonly number[]): Clone[] {
  const birth = created({
    labels: ['born'],
    metadata: { b: { c: 2 }, a: 1 },
    future: [1],
    comments: [comment(0, 0)],
  });
  const event = eventOf(birth, new Set(), putsOf(birth));
  const clones = Array.from({ length: REPLICAS }, () => ({
    state: birth,
    known: new Set([event]),
  }));
  for (const [at, step] of history.entries()) {
    const clone = clones[step.replica]!;
    const other = clones[step.other]!;
    if (step.act === 'join' || step.act === 'line') {
      const [ours, theirs] =
        step.act === 'line'
          ? [throughLine(clone.state), throughLine(other.state)]
          : [clone.state, other.state];
      clone.state = joinStates(ours, theirs);
      clone.known = new Set([...clone.known, ...other.known]);
      continue;
    }
    const writes = writesOf(step, at, clone.state);
    if (writes.length === 0) continue;
    const nowMs = BORN_MS + at * 1000 + (clocks[step.replica] ?? 0);
    clone.state = applyWrites(clone.state, writes, { replica: `clone${step.replica}`, nowMs });
    clone.known = new Set(clone.known).add(eventOf(clone.state, clone.known, writes));
  }
  return clones;
}

/** What one replica alone writes to an issue; a step that would take in another clone does nothing. */
export function playAlone(
  start: IssueState,
  history: readonly Step[],
  replica: string,
): IssueState {
  return history.reduce((state, step, at) => {
    const stamp = { replica, nowMs: BORN_MS + at * 1000 };
    return applyWrites(state, writesOf(step, at, state), stamp);
  }, start);
}

/** Alive in the model: put there by a known event, and touched by no known one that knew of it. */
export function aliveInModel({ known }: Clone): Map<string, string[]> {
  const alive = new Map<string, string[]>();
  for (const event of known) {
    for (const [key, dot] of event.keys) {
      if (dot === undefined) continue;
      const isReplaced = [...known].some((later) => later.past.has(event) && later.keys.has(key));
      if (!isReplaced) alive.set(key, [...(alive.get(key) ?? []), dot].sort());
    }
  }
  return alive;
}

/** Alive in the state, in the model's words. */
export function aliveInState({ state }: Clone): Map<string, string[]> {
  return new Map(
    [...state.entries].map(([key, siblings]) => [
      key,
      siblings.map(({ replica, counter }) => `${replica}.${counter}`).sort(),
    ]),
  );
}

/** As a program does that knows neither `_bd` nor new keys, and spells much in its own way. */
export function rewriteForeign(issue: Issue): Issue {
  const { opaque: _dropped, ...rest } = issue;
  const rewritten: Issue = { ...rest, created_at: respell(issue.created_at) };
  if (issue.description === '') delete rewritten.description;
  if (issue.due_at !== undefined) rewritten.due_at = respell(issue.due_at);
  if (issue.labels !== undefined) rewritten.labels = [...issue.labels].reverse();
  if (issue.dependencies !== undefined) rewritten.dependencies = [...issue.dependencies].reverse();
  if (issue.comments !== undefined) {
    rewritten.comments = issue.comments.map((comment, at) => ({ ...comment, id: 700 + at }));
  }
  return rewritten;
}

function respell(timestamp: string): string {
  return new Date(timestamp).toISOString().replace('Z', '000000+00:00');
}

function writesOf({ act, pick, value }: Step, at: number, state: IssueState): Write[] {
  switch (act) {
    case 'register':
      return [registerWrite(pick, value)];
    case 'several':
      return [
        registerWrite(pick, value),
        registerWrite(pick + 1, value + 1),
        edgeWrite(pick, at),
      ].filter((one, at, all) => all.findIndex(({ key }) => key === one.key) === at);
    case 'state':
      return [{ key: 'state', value: STATES[value % STATES.length]! }];
    case 'label':
      return [{ key: `l/${LABELS[pick % LABELS.length]}`, value: undefined }];
    case 'unlabel':
      return [{ key: `l/${LABELS[pick % LABELS.length]}`, removed: true }];
    case 'edge':
      return [edgeWrite(pick, at)];
    case 'unedge':
      return [{ key: edgeWrite(pick, at).key, removed: true }];
    case 'parent':
      return [{ key: 'parent', value: value === 0 ? undefined : edge('parent-child', value, at) }];
    case 'comment':
      return [{ key: commentKey(`u${at}`), value: comment(at, value) }];
    case 'edit':
      return existingComments(state, pick).map((key) => ({ key, value: comment(at, value) }));
    case 'uncomment':
      return existingComments(state, pick).map((key) => ({ key, removed: true }));
    case 'delete':
      return [{ key: 'deleted', value: { deleted: true, deleted_by: `who${value}` } }];
    case 'restore':
      return [restoreWrite()];
    case 'shrink':
      return isDeleted(shown(state)) ? tombstoneWrites(state) : [];
    case 'metadata':
      return [{ key: 'metadata', value: METADATA[value % METADATA.length] }];
    case 'foreign': {
      const foreign = rewriteForeign(shown(state));
      return diffToWrites(state, { ...foreign, ...FOREIGN[value] });
    }
    default:
      return [];
  }
}

/** What another tool does beside spelling things anew. */
const FOREIGN: readonly Partial<Issue>[] = [
  {},
  { title: 'foreign' },
  { status: 'tombstone', deleted_by: 'tool' },
  { dependencies: [edge('parent_child', 2, 0)] },
  { comments: [] },
  { opaque: { metadata: '{"z":[],"b":1}', future: '2', [CAUSAL_KEY]: '{}' } },
];

const STATES = [
  { status: 'open' },
  { status: 'in_progress' },
  { status: 'closed', closed_at: '2026-02-01T00:00:00Z', close_reason: 'done' },
  { status: 'custom' },
];
const LABELS = ['born', 'a', 'ü/"', '%', '__proto__'];
const METADATA = [undefined, '[1]', '{"z":1,"a":2}', '{ "a": 1 }'];
const TEXTS = ['one', 'two', 'two', ' "\\\u2028<&>\ud800', ',"_bd":{"h":"0"}}', '\u{1f600}'];

function registerWrite(pick: number, value: number): Write {
  const text = TEXTS[value % TEXTS.length]!;
  const raw = ['1', '1.0', '{ "deep": [ ] }', '"<"', '12345678901234567890', 'null'][value % 6]!;
  const registers: Write[] = [
    { key: 'title', value: text },
    { key: 'description', value: value === 0 ? undefined : text },
    { key: 'notes', value: value === 0 ? '' : text },
    { key: 'claim', value: value === 0 ? undefined : text },
    { key: 'priority', value: value % 5 },
    { key: 'ephemeral', value: value === 0 ? undefined : value % 2 === 1 },
    { key: 'due_at', value: value === 0 ? undefined : '2026-05-01T02:00:00+02:00' },
    { key: 'm/a', value: value === 0 ? undefined : raw },
    { key: 'm/new', value: raw },
    { key: 'x:future', value: raw },
    { key: 'x:__proto__', value: raw },
  ];
  return registers[pick % registers.length]!;
}

function edgeWrite(pick: number, at: number): Write {
  const type = ['blocks', 'related', 'parent-child', 'od/d'][pick % 4]!;
  const key = `d/${type.replace('/', '%2F')}/t-${pick % 3}`;
  return { key, value: edge(type, pick % 3, at) };
}

function edge(type: string, target: number, at: number) {
  return {
    issue_id: 'a-1',
    depends_on_id: `t-${target}`,
    type,
    created_at: new Date(BORN_MS + at).toISOString(),
  };
}

function comment(at: number, value: number) {
  return {
    id: value,
    author: `who${value % 2}`,
    text: TEXTS[value % TEXTS.length]!,
    created_at: new Date(BORN_MS + Math.floor(at / 2) * 1000).toISOString(),
  };
}

function existingComments(state: IssueState, pick: number): string[] {
  const keys = [...state.entries.keys()].filter((key) => key.startsWith('c/')).sort();
  return keys.length === 0 ? [] : [keys[pick % keys.length]!];
}

function putsOf(state: IssueState): Write[] {
  return [...state.entries].map(([key, [only]]) => ({ key, value: only!.value }));
}

function eventOf(state: IssueState, past: ReadonlySet<Event>, writes: readonly Write[]): Event {
  const event: Event = { past: new Set(past), keys: new Map(), values: new Map() };
  for (const one of writes) {
    const [only] = state.entries.get(one.key) ?? [];
    event.keys.set(one.key, 'value' in one ? `${only!.replica}.${only!.counter}` : undefined);
    if ('value' in one) event.values.set(one.key, one.value);
  }
  return event;
}
