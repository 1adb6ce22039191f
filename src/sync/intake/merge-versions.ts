import { mergeConcurrentTexts } from '../../core/causal/concurrent-texts.ts';
import { encodeState } from '../../core/causal/causal-line.ts';
import { decodeLine, type DecodedLine } from '../../core/causal/decode-line.ts';
import { CAUSAL_KEY } from '../../core/causal/field-key.ts';
import { separateCollision } from '../../core/causal/id-collision.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { joinStates } from '../../core/causal/join.ts';
import { canBeMadeFrom, liftFirst, liftIssue } from '../../core/causal/lift.ts';
import type { IssueId } from '../../core/issue-id.ts';
import { LINE_BYTES_MAX } from '../../core/limits.ts';

/** A line that can be read. */
export interface Version {
  readonly id: IssueId;
  readonly text: string;
  readonly decoded: Exclude<DecodedLine, { kind: 'unreadable' }>;
}

export interface VersionProblem {
  problem: string;
}

/** Times that a line does not tell are the same on every machine. */
const NOW_MS = 0;

/** The issue that a line tells, or why it tells none. */
export function readVersion(text: string): Version | VersionProblem {
  const decoded = decodeLine(text, NOW_MS);
  if (decoded.kind === 'unreadable') return decoded;
  const { id } = decoded.kind === 'sealed' ? decoded.state : decoded.issue;
  return { id, text, decoded };
}

/**
 * Everything that the versions of both sides know, one state an issue: the first has their id, others
 * were created with it by people who did not know of each other, and get one of their own. A version
 * that was made without `_bd` counts as an edit of the base only where its writer had that before him;
 * else it is concurrent to all, and nothing of any version is lost.
 */
export function joinSides(base: readonly Version[], sides: readonly Version[]): IssueState[] {
  // What a sealed base knows was known on the way to both sides, whatever became of its line there.
  const known = base.filter(({ decoded }) => sides.length === 0 || decoded.kind === 'sealed');
  const states = new Map(known.map((version) => [version.text, stateOf(version)]));
  for (const version of sides) states.set(version.text, stateOf(version, base));
  const inOrder = [...states].sort(([left], [right]) => (left < right ? -1 : 1));
  const issues = joinOrSeparate(inOrder.map(([, state]) => state));
  return withTextsMerged(issues, { base, sides: distinctStates(sides, states) });
}

function distinctStates(
  sides: readonly Version[],
  states: ReadonlyMap<string, IssueState>,
): IssueState[] {
  const texts = new Set(sides.map(({ text }) => text));
  return [...states].flatMap(([text, state]) => (texts.has(text) ? [state] : []));
}

/** Two versions of one issue, of which the base tells what both were made from. */
function withTextsMerged(
  issues: IssueState[],
  { base, sides: [ours, theirs, ...others] }: { base: readonly Version[]; sides: IssueState[] },
): IssueState[] {
  const [joined, ...moved] = issues;
  if (joined === undefined || ours === undefined || theirs === undefined) return issues;
  if (moved.length > 0 || others.length > 0) return issues;
  const bases = base.map((version) => stateOf(version));
  return [mergeConcurrentTexts(joined, { ours, theirs, bases })];
}

/** The states of one id as issues, as `joinSides` does; in one order they always give the same. */
export function joinOrSeparate(states: readonly IssueState[]): IssueState[] {
  const issues: IssueState[] = [];
  for (const state of states) {
    const at = issues.findIndex((issue) => separateCollision(issue, state) === undefined);
    const same = issues[at];
    if (same === undefined) issues.push(state);
    else issues[at] = joinStates(same, state);
  }
  const moved: IssueState[] = [];
  const kept = issues.reduce((ours, theirs) => {
    const collision = separateCollision(ours, theirs);
    if (collision === undefined) return joinStates(ours, theirs);
    moved.push(collision.moved);
    return collision.kept;
  });
  return [kept, ...moved];
}

/** What a line knows when nothing is known of earlier ones. */
export function stateOf({ decoded, text }: Version, base: readonly Version[] = []): IssueState {
  if (decoded.kind === 'sealed') return decoded.state;
  const seen = versionSeen(text, base);
  if (seen === undefined) return liftFirst(decoded.issue);
  const state = stateOf(seen);
  const isNamed = decoded.seal !== undefined;
  return isNamed || canBeMadeFrom(state, decoded.issue)
    ? liftIssue(state, decoded.issue)
    : liftFirst(decoded.issue);
}

/** The line of a state; undefined when it would be too long to be read again. */
export function lineOf(state: IssueState): string | undefined {
  const line = encodeState(state);
  if (Buffer.byteLength(line) > LINE_BYTES_MAX) return undefined;
  return decodeLine(line, NOW_MS).kind === 'sealed' ? line : undefined;
}

/** Which version of the base a foreign one was made from: the only one, or the only one with its `_bd`. */
function versionSeen(text: string, base: readonly Version[]): Version | undefined {
  const causal = causalIn(text);
  const fitting = new Map(
    base
      .filter((version) => causal === undefined || causalIn(version.text) === causal)
      .map((version) => [version.text, version]),
  );
  return fitting.size === 1 ? fitting.values().next().value : undefined;
}

/** A line's `_bd` in one spelling: a tool that keeps it may sort its keys. */
function causalIn(text: string): string | undefined {
  if (!text.includes(`"${CAUSAL_KEY}"`)) return undefined;
  try {
    const { [CAUSAL_KEY]: causal } = JSON.parse(text) as { [CAUSAL_KEY]?: unknown };
    return JSON.stringify(causal, (_name, member: unknown) => sorted(member));
  } catch {
    // Two programs wrote into it; it is like no other.
    return text;
  }
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}
