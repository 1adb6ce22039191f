import { encodeState } from '../../core/causal/causal-line.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import type { IssueId } from '../../core/issue-id.ts';
import { compareBytes } from '../../core/issue.ts';
import { readIssueLines } from './issue-lines.ts';
import {
  joinOrSeparate,
  joinSides,
  lineOf,
  readVersion,
  stateOf,
  type Version,
  type VersionProblem,
} from './merge-versions.ts';

/** Three versions of an issue file: a base, which may be empty, and what two sides made of it. */
export interface IssueFiles<Content = Buffer> {
  base: Content;
  ours: Content;
  theirs: Content;
}

export interface MergeProblem {
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
export function mergeIssueFiles(files: IssueFiles): MergedFile {
  const read = rememberVersions();
  const sides: IssueFiles<Side> = {
    base: readSide(files.base, read),
    ours: readSide(files.ours, read),
    theirs: readSide(files.theirs, read),
  };
  const merged: Merged = { lines: new Map(), moved: [], problems: problemsOf(sides) };
  const ids = new Set(
    [sides.base, sides.ours, sides.theirs].flatMap(({ issues }) => [...issues.keys()]),
  );
  for (const id of [...ids].sort()) mergeIssue(id, sides, merged);
  // Grows during the loop when a new id is taken as well.
  for (const state of merged.moved) settle(state, merged, read);
  const lines = [...merged.lines].sort(([left], [right]) => compareBytes(left, right));
  return {
    content: Buffer.concat([
      Buffer.from(lines.flatMap(([, texts]) => texts.map((text) => `${text}\n`)).join('')),
      ...unreadableLines(sides).flatMap((raw) => [raw, Buffer.from('\n')]),
    ]),
    issues: merged.lines.size,
    problems: merged.problems,
  };
}

interface Side {
  issues: Map<IssueId, Version[]>;
  unreadable: { raw: Uint8Array; line: number; problem: string }[];
}

interface Merged {
  /** By id; several lines where they cannot be joined into one. */
  lines: Map<IssueId, string[]>;
  /** Issues that need another id. */
  moved: IssueState[];
  problems: MergeProblem[];
}

type ReadVersion = (text: string) => Version | VersionProblem;

/** Reads each line once, as nearly all lines are in all three files. */
function rememberVersions(): ReadVersion {
  const known = new Map<string, Version | VersionProblem>();
  return (text) => {
    const version = known.get(text) ?? readVersion(text);
    known.set(text, version);
    return version;
  };
}

function readSide(content: Buffer, read: ReadVersion): Side {
  const side: Side = { issues: new Map(), unreadable: [] };
  for (const { number: line, raw, text, problem = 'not readable' } of readIssueLines(content)) {
    const version = text === undefined ? { problem } : read(text);
    if ('problem' in version) {
      side.unreadable.push({ raw, line, problem: version.problem });
      continue;
    }
    const others = side.issues.get(version.id);
    if (others === undefined) side.issues.set(version.id, [version]);
    else others.push(version);
  }
  return side;
}

function mergeIssue(id: IssueId, { base, ours, theirs }: IssueFiles<Side>, merged: Merged): void {
  const before = base.issues.get(id) ?? [];
  const after = [...(ours.issues.get(id) ?? []), ...(theirs.issues.get(id) ?? [])];
  const versions = [...before, ...after];
  const texts = distinct(versions);
  if (texts.length === 1) merged.lines.set(id, texts);
  else place(id, { issues: joinSides(before, after), versions }, merged);
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

function problemsOf(sides: IssueFiles<Side>): MergeProblem[] {
  return (['ours', 'theirs'] as const).flatMap((file) =>
    sides[file].unreadable.map(({ line, problem }) => ({ at: { file, line }, problem })),
  );
}

/** One copy of each. Both sides fixed or removed what only the base has. */
function unreadableLines({ ours, theirs }: IssueFiles<Side>): Uint8Array[] {
  const lines = new Map(
    [...ours.unreadable, ...theirs.unreadable].map(({ raw }) => [
      Buffer.from(raw).toString('latin1'),
      raw,
    ]),
  );
  return [...lines].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, raw]) => raw);
}
