import { decodeLine } from '../../core/causal/decode-line.ts';
import { listConflicts } from '../../core/causal/conflicts.ts';
import type { IssueState } from '../../core/causal/issue-state.ts';
import { diffToWrites, liftFirst, liftIssue } from '../../core/causal/lift.ts';
import { meansSame } from '../../core/causal/same-meaning.ts';
import { shownSibling } from '../../core/causal/shown.ts';
import { contentName } from '../../core/causal/text-hash.ts';
import { counterAt, formatVector, joinVectors } from '../../core/causal/dot.ts';
import { viewIssue } from '../../core/causal/view.ts';
import { applyWrites } from '../../core/causal/write.ts';
import type { Store } from '../../store/store.ts';

/**
 * What the branch showed of an issue when this store held classic records, as the state that every clone
 * makes of that line. Both what is on the branch now and what waits here was made from it.
 */
export type ClassicOrigin = (id: string) => IssueState | undefined;

/** The commit whose lines the store held as classic records when they were sealed. */
const CLASSIC = 'classic_tip';

/** Undefined after something newer was taken in from the branch: from then on the lines say it themselves. */
export function classicTip({ settings }: Store, imported: string | undefined): string | undefined {
  const tip = settings.get(CLASSIC);
  return tip === imported ? tip : undefined;
}

export function classicOrigin(lineOf: (id: string) => string | undefined): ClassicOrigin {
  return (id) => {
    const line = lineOf(id);
    const decoded = line === undefined ? undefined : decodeLine(line, 0);
    return decoded?.kind === 'foreign' ? liftFirst(decoded.issue) : undefined;
  };
}

/**
 * The version as one that was made from its origin: what it lacks of the origin was removed. It also gets
 * what ours changed and it did not, as those values do not conflict.
 */
export function descend(
  version: IssueState,
  { originOf, ours }: { originOf: ClassicOrigin; ours: IssueState | undefined },
): IssueState {
  const origin = originOf(version.id);
  if (origin === undefined) return version;
  const descended = { ...version, vector: joinVectors(version.vector, origin.vector) };
  if (ours === undefined) return descended;
  const writes = diffToWrites(origin, viewIssue(ours).issue).filter(({ key }) =>
    isSameIn(key, origin, version),
  );
  const name = JSON.stringify([formatVector(descended.vector), writes]);
  return applyWrites(descended, writes, { replica: contentName(name), nowMs: 0 });
}

function isSameIn(key: string, origin: IssueState, version: IssueState): boolean {
  const [before, after] = [origin, version].map(({ entries }) => entries.get(key));
  if (before === undefined || after === undefined) return false;
  return meansSame(key, shownSibling(key, before).value, shownSibling(key, after).value);
}

/**
 * Rewrites records that were sealed before they were sent, and so say everything as if it were new, as changes
 * of their origin: then they keep what others did meanwhile, and remove what they removed.
 */
export function retellPending(
  { outbox, issues }: Store,
  { originOf, nowMs }: { originOf: ClassicOrigin; nowMs: number },
): void {
  for (const id of outbox.issueIds()) {
    const state = issues.state(id);
    const origin = originOf(id);
    if (state === undefined || origin === undefined || isMadeFrom(state, origin)) continue;
    // The record does not show the values that lost.
    if (listConflicts(state).length > 0) continue;
    const changed = liftIssue(origin, viewIssue(state).issue);
    const retold = { ...changed, vector: joinVectors(changed.vector, state.vector) };
    issues.put(retold, { kind: 'updated', actor: '', origin: 'local', atMs: nowMs });
  }
}

function isMadeFrom({ vector }: IssueState, origin: IssueState): boolean {
  return [...origin.vector].every(([replica, counter]) => counter <= counterAt(vector, replica));
}
