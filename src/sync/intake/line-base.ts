import { decodeLine, sealOf } from '../../core/causal/decode-line.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { canBeMadeFrom } from '../../core/causal/lift.ts';
import type { Issue } from '../../core/issue.ts';
import { compareTimestamps } from '../../core/timestamp.ts';
import type { Store } from '../../store/store.ts';

/** A record without a valid seal; `seal` is that of the version it was made from, if the line has one. */
export interface ForeignLine {
  issue: Issue;
  seal?: string | undefined;
}

/**
 * Finds the version that a foreign line was made from; undefined when that cannot be known. A version older
 * than the true one is safe: changes in between are then written a second time. A newer one is not: changes
 * in between would count as undone.
 */
export type FindBase = (foreign: ForeignLine) => IssueState | undefined;

/**
 * For a line of the mirror: the version that the line names, else the one that the file showed when it was
 * written, after the event at `seq`. A later version with the line's time has it by chance.
 */
export function mirrorBase(store: Store, seq: number): FindBase {
  const findSealed = importBase(store);
  return (foreign) => {
    if (foreign.seal !== undefined) return findSealed(foreign);
    const known = knownVersions(store, foreign.issue.id, seq);
    const named = namedVersion(foreign, known);
    if (named !== undefined) return named;
    const base = stateOf(known.at(-1));
    return base !== undefined && canBeMadeFrom(base, foreign.issue) ? base : undefined;
  };
}

/**
 * For a line of any other file: the version that the line names. Its writer cannot have seen what is taken in
 * from now on, such as another line of the same file.
 */
export function importBase(store: Store): FindBase {
  const seq = store.events.lastSeq();
  return (foreign) => namedVersion(foreign, knownVersions(store, foreign.issue.id, seq));
}

/**
 * For a line of the branch: the version in the last commit that bd made before. It uses nothing that only
 * this clone knows, so that all clones get the same result.
 */
export function branchBase(lineOf: (id: string) => string | undefined): FindBase {
  return ({ issue, seal }) => {
    const line = lineOf(issue.id);
    if (line === undefined || (seal !== undefined && sealOf(line) !== seal)) return undefined;
    const base = stateOf(line);
    if (base === undefined || seal !== undefined) return base;
    return canBeMadeFrom(base, issue) ? base : undefined;
  };
}

/**
 * The version with the line's seal; for a line without one, the version with its `updated_at`, which moves
 * with every change. Of several, the oldest: they show the same, and the writer may not have known what a
 * later one hides.
 */
function namedVersion(
  { issue: { updated_at: updatedAt }, seal }: ForeignLine,
  known: readonly string[],
): IssueState | undefined {
  if (seal !== undefined) return stateOf(known.find((line) => sealOf(line) === seal));
  return known
    .map(stateOf)
    .find((state) => state && compareTimestamps(state.updatedAt, updatedAt) === 0);
}

/** The versions of an issue as of the event at `seq`, the oldest first. */
function knownVersions({ issues, versions }: Store, id: string, seq: number): string[] {
  const stored = issues.line(id);
  if (stored === undefined) return [];
  const shown = versions.shownAt(id, seq);
  const current = shown === undefined ? stored : shown.line;
  if (current === null) return [];
  return [current, ...versions.earlierThan(id, seq)].reverse();
}

function stateOf(line: string | null | undefined): IssueState | undefined {
  if (line === undefined || line === null) return undefined;
  const decoded = decodeLine(line, 0);
  return decoded.kind === 'sealed' ? decoded.state : undefined;
}

/** The earlier versions of an issue, the latest first. */
export function* earlierStates({ versions }: Store, id: string): Generator<IssueState> {
  for (const line of versions.earlier(id)) {
    const state = stateOf(line);
    if (state !== undefined) yield state;
  }
}
