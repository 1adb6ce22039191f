import { divergedFrom, renameReplica } from '../core/causal/replica-change.ts';
import type { IssueState } from '../core/causal/issue-state.ts';
import { counterAt } from '../core/causal/version-vector.ts';
import type { Store } from '../store/store.ts';

/**
 * Whether others know writes under this clone's name that this database did not make: it was put back
 * from a backup, or copied with all that could tell the copies apart.
 */
export function isWrittenElsewhere(
  { replica, outbox }: Store,
  ours: IssueState,
  theirs: IssueState,
): boolean {
  const id = replica.id();
  const after = outbox.sharedCounter(ours.id) ?? counterAt(ours.vector, id);
  return divergedFrom(ours, theirs, { replica: id, after });
}

/** From now on this clone has a new name, and so has all that it wrote and did not share. */
export function renameOwnWrites(
  { issues, outbox, replica }: Store,
  { nowMs }: { nowMs: number },
): void {
  const from = replica.id();
  const to = replica.renew();
  for (const id of outbox.issueIds()) {
    const state = issues.state(id);
    if (state === undefined) continue;
    const renamed = renameReplica(state, { from, after: outbox.sharedCounter(id) ?? 0, to });
    issues.put(renamed, { kind: 'updated', actor: '', origin: 'local', atMs: nowMs });
  }
  outbox.restartCounters();
}
