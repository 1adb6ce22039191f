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
import { isRecord } from '../../core/issue-line.ts';
import { compareBytes } from '../../core/issue.ts';
import { readIssueLines } from './issue-lines.ts';

interface MergeProblem {
  /** The place of an unreadable line; absent when the merged issue is the problem. */
  at?: { file: 'ours' | 'theirs'; line: number };
  problem: string;
}

export interface MergedFile {
  content: Buffer;
  /** Lines that hold an issue. */
  issues: number;
  /** When there are none, each line of the content is an issue, and no issue has two. */
  problems: MergeProblem[];
}

/**
 * Merges issue files issue by issue, with the same bytes on every machine and whichever side is ours. A line
 * that is missing on a side deletes nothing, the line keeps both values where both sides changed one, and
 * unreadable lines are copied to the end.
 */
export function mergeIssueFiles(files: Record<'base' | 'ours' | 'theirs', Buffer>): MergedFile {
  const read = rememberVersions();
  const issues = new Map<IssueId, Versions>();
  const unreadable = new Map<string, Uint8Array>();
  const merged: Merged = { lines: new Map(), moved: [], problems: [] };
  for (const file of ['base', 'ours', 'theirs'] as const) {
    for (const { number: line, raw, text, problem } of readIssueLines(files[file])) {
      const version = text === undefined ? { problem: problem ?? 'not readable' } : read(text);
      if (!('problem' in version)) {
        const versions = issues.get(version.id) ?? { base: [], sides: [] };
        versions[file === 'base' ? 'base' : 'sides'].push(version);
        issues.set(version.id, versions);
      } else if (file !== 'base') {
        // One copy of each; and what only the base has, both sides fixed or removed.
        merged.problems.push({ at: { file, line }, problem: version.problem });
        unreadable.set(Buffer.from(raw).toString('latin1'), raw);
      }
    }
  }
  for (const [id, versions] of [...issues].sort(byKey)) mergeIssue(id, versions, merged);
  // Grows during the loop when a new id is taken as well.
  for (const state of merged.moved) settle(state, merged, read);
  const lines = [...merged.lines].sort(([left], [right]) => compareBytes(left, right));
  return {
    content: Buffer.concat([
      Buffer.from(lines.flatMap(([, texts]) => texts.map((text) => `${text}\n`)).join('')),
      ...[...unreadable].sort(byKey).flatMap(([, raw]) => [raw, Buffer.from('\n')]),
    ]),
    issues: merged.lines.size,
    problems: merged.problems,
  };
}

/** The lines of one issue. */
interface Versions {
  base: Version[];
  sides: Version[];
}

interface Merged {
  /** By id; several lines where they cannot be joined into one. */
  lines: Map<IssueId, string[]>;
  /** Issues that need another id. */
  moved: IssueState[];
  problems: MergeProblem[];
}

/** Reads each line once, as nearly all lines are in all three files. */
function rememberVersions(): ReadVersion {
  const known = new Map<string, ReturnType<ReadVersion>>();
  return (text) => {
    const version = known.get(text) ?? readVersion(text);
    known.set(text, version);
    return version;
  };
}

function mergeIssue(id: IssueId, { base, sides }: Versions, merged: Merged): void {
  const versions = [...base, ...sides];
  const texts = distinct(versions);
  if (texts.length === 1) merged.lines.set(id, texts);
  else place(id, { issues: joinSides(base, sides), versions }, merged);
}

/** Places a state under its new id, which may be there already, from another merge. */
function settle(state: IssueState, merged: Merged, read: ReadVersion): void {
  const versions = [...(merged.lines.get(state.id) ?? []), encodeState(state)]
    .map(read)
    .filter((version) => 'decoded' in version);
  place(
    state.id,
    { issues: joinOrSeparate(versions.map((each) => stateOf(each))), versions },
    merged,
  );
}

/** The first issue keeps the id. If it is too long for one line, its versions stay as they are. */
function place(
  id: IssueId,
  { issues, versions }: { issues: readonly IssueState[]; versions: readonly Version[] },
  { lines, moved, problems }: Merged,
): void {
  const [kept, ...others] = issues;
  const line = kept === undefined ? undefined : lineOf(kept);
  if (line === undefined) {
    lines.set(id, distinct(versions));
    problems.push({ problem: `${id}: all that is known of it is too long for one line` });
  } else {
    lines.set(id, [wordForWord(line, versions)]);
    moved.push(...others);
  }
}

function distinct(versions: readonly Version[]): string[] {
  return [...new Set(versions.map(({ text }) => text))].sort();
}

/** Keeps the spelling of a sealed line that already says everything, if it is the only one. */
function wordForWord(line: string, versions: readonly Version[]): string {
  const spellings = new Set<string>();
  for (const { decoded, text } of versions) {
    if (decoded.kind === 'sealed' && encodeState(decoded.state) === line) spellings.add(text);
  }
  const [only = line] = spellings;
  return spellings.size === 1 ? only : line;
}

interface Version {
  readonly id: IssueId;
  readonly text: string;
  readonly decoded: Exclude<DecodedLine, { kind: 'unreadable' }>;
}

type ReadVersion = (text: string) => Version | { problem: string };

/** The time for a line without one: the same on every machine. */
const NOW_MS = 0;

/** The issue in a line, or why there is none. */
function readVersion(text: string): ReturnType<ReadVersion> {
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
function joinSides(base: readonly Version[], sides: readonly Version[]): IssueState[] {
  // Both sides were made from the base, so they know what a sealed base knows, whatever they made of its line.
  const known = base.filter(({ decoded }) => sides.length === 0 || decoded.kind === 'sealed');
  const states = new Map(known.map((version) => [version.text, stateOf(version)]));
  for (const version of sides) states.set(version.text, stateOf(version, base));
  const issues = joinOrSeparate([...states].sort(byKey).map(([, state]) => state));
  const texts = new Set(sides.map(({ text }) => text));
  const distinct = [...states].filter(([text]) => texts.has(text)).map(([, state]) => state);
  return withTextsMerged(issues, { base, sides: distinct });
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
function joinOrSeparate(states: readonly IssueState[]): IssueState[] {
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
function stateOf({ decoded, text }: Version, base: readonly Version[] = []): IssueState {
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
function lineOf(state: IssueState): string | undefined {
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
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(byKey));
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1;
}
