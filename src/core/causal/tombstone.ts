import { TOMBSTONE_KEEP_MS } from '../limits.ts';
import { listConflicts } from './conflicts.ts';
import type { IssueState } from './issue-state.ts';
import { deletionIn } from './shown.ts';
import { contentName } from './text-hash.ts';
import { formatVector } from './dot.ts';
import { applyWrites, tombstoneWrites } from './write.ts';

/**
 * The state of a deleted issue without its content, as an event that every clone with this state makes
 * alike: it reads no clock, and when to make it is the caller's to decide. Undefined when the issue is not
 * deleted, has nothing to drop, or has a conflict, as that is what a person may still want to see.
 */
export function shrinkTombstone(state: IssueState): IssueState | undefined {
  const deletion = deletionIn(state);
  if (deletion === undefined) return undefined;
  const writes = tombstoneWrites(state);
  if (writes.length === 0 || listConflicts(state).length > 0) return undefined;
  const name = JSON.stringify(['shrink', state.id, formatVector(state.vector)]);
  const nowMs = deletion.ms + TOMBSTONE_KEEP_MS;
  return applyWrites(state, writes, { replica: contentName(name), nowMs });
}
