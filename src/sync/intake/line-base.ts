import { decodeLine, sealOf } from '../../core/causal/decode-line.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { canBeMadeFrom } from '../../core/causal/lift.ts';
import type { Issue } from '../../core/issue.ts';
import { compareTimestamps } from '../../core/timestamp.ts';
import type { Store } from '../../store/store.ts';

/** A record that nobody sealed, with the seal of the version it was made from if it bears one. */
export interface ForeignLine {
  issue: Issue;
  seal?: string;
}

/**
 * The version that a foreign line was made from; undefined when it cannot be known. An older version
 * than the true one is safe: what happened in between is then written once more, beside itself. A newer
 * one is not: what happened in between would be taken for undone.
 */
export type FindBase = (foreign: ForeignLine) => IssueState | undefined;

/**
 * In the file beside us: the version that the line names, else the one that the file showed when it was
 * written, after the event at `seq`. That a later version has the line's time is chance.
 */
export function mirrorBase(store: Store, seq: number): FindBase {
  const findSealed = importBase(store);
  const { issues, versions } = store;
  return (foreign) => {
    if (foreign.seal !== undefined) return findSealed(foreign);
    const { id } = foreign.issue;
    const named = namedVersion(foreign, knownVersions(store, id, seq));
    if (named !== undefined) return named;
    const shown = versions.shownAt(id, seq);
    const base = stateOf(shown === undefined ? issues.line(id) : shown.line);
    return base !== undefined && canBeMadeFrom(base, foreign.issue) ? base : undefined;
  };
}

/**
 * In a file from anywhere: the version that the line names. What is taken in from now on, such as another
 * line of the same file, is no version that its writer had before him.
 */
export function importBase(store: Store): FindBase {
  const seq = store.events.lastSeq();
  return (foreign) => namedVersion(foreign, knownVersions(store, foreign.issue.id, seq));
}

/**
 * On the branch: the version in the last commit that one of us made before. Nothing that only this
 * clone knows may decide, so that all clones lift alike.
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
 * The version with its seal, or without one that with its `updated_at`, which moves with every change.
 * The oldest of several: they show the same, and what a later one hides, the writer may not have known.
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

/** What was known of an issue after the event at `seq`, the oldest first. */
function knownVersions({ issues, versions }: Store, id: string, seq: number): string[] {
  const shown = versions.shownAt(id, seq);
  const current = shown === undefined ? issues.line(id) : shown.line;
  if (current === undefined || current === null) return [];
  return [current, ...versions.earlierThan(id, seq)].reverse();
}

function stateOf(line: string | null | undefined): IssueState | undefined {
  if (line === undefined || line === null) return undefined;
  const decoded = decodeLine(line, 0);
  return decoded.kind === 'sealed' ? decoded.state : undefined;
}

/** What is known of an issue's past, the latest first. */
export function* earlierStates({ versions }: Store, id: string): Generator<IssueState> {
  for (const line of versions.earlier(id)) {
    const state = stateOf(line);
    if (state !== undefined) yield state;
  }
}
