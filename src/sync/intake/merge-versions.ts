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

/** The time for a line without one: the same on every machine. */
const NOW_MS = 0;

/** The issue in a line, or why there is none. */
export function readVersion(text: string): Version | VersionProblem {
  const decoded = decodeLine(text, NOW_MS);
  if (decoded.kind === 'unreadable') return decoded;
  const { id } = decoded.kind === 'sealed' ? decoded.state : decoded.issue;
  return { id, text, decoded };
}

/**
 * Joins the versions of both sides, one state an issue: the first keeps their id; others were created with the
 * same id independently, and get a new one. A version without `_bd` counts as an edit of the base only if its
 * writer had the base; otherwise it is concurrent to all, and nothing of any version is lost.
 */
export function joinSides(base: readonly Version[], sides: readonly Version[]): IssueState[] {
  // Both sides were made from the base, so they know what a sealed base knows, whatever they made of its line.
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

/** Merges the texts of two versions of one issue, both made from the base. */
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

/** Joins states of one id as `joinSides` does; the result depends on their order. */
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

/** The state of a line; `base` are the versions it may have been made from. */
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

/** The line of a state; undefined when it is too long to be read back. */
export function lineOf(state: IssueState): string | undefined {
  const line = encodeState(state);
  if (Buffer.byteLength(line) > LINE_BYTES_MAX) return undefined;
  return decodeLine(line, NOW_MS).kind === 'sealed' ? line : undefined;
}

/** The version of the base that a foreign one was made from: the only one, or the only one with its `_bd`. */
function versionSeen(text: string, base: readonly Version[]): Version | undefined {
  const causal = causalIn(text);
  const fitting = new Map(
    base
      .filter((version) => causal === undefined || causalIn(version.text) === causal)
      .map((version) => [version.text, version]),
  );
  return fitting.size === 1 ? fitting.values().next().value : undefined;
}

/** A line's `_bd` with sorted keys, as tools that keep it may reorder them. */
function causalIn(text: string): string | undefined {
  if (!text.includes(`"${CAUSAL_KEY}"`)) return undefined;
  try {
    const { [CAUSAL_KEY]: causal } = JSON.parse(text) as { [CAUSAL_KEY]?: unknown };
    return JSON.stringify(causal, (_name, member: unknown) => sorted(member));
  } catch {
    // Two programs wrote into the line, so it equals no other.
    return text;
  }
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}
