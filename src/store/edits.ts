import type { IssueId } from '../core/issue-id.ts';
import type { Issue } from '../core/issue.ts';
import { emptyState } from '../core/causal/issue-state.ts';
import { creationWrites, diffToWrites } from '../core/causal/lift.ts';
import { viewIssue } from '../core/causal/view.ts';
import { applyWrites, createState, type Write } from '../core/causal/write.ts';
import type { Change } from './change.ts';
import type { IssueStore } from './issue-store.ts';
import type { Replica } from './replica.ts';

/** Changes that are made here, as writes of this clone that have seen all that is stored. */
export interface Edits {
  /**
   * What the record changes against the stored one, or the whole of a new one; `updated_at` moves
   * forward. Returns what is stored then. A deleted issue is only brought back by `write`, and a key
   * that bd does not know only goes with a write.
   */
  put(issue: Issue, change: Change): Issue;
  write(id: IssueId, writes: readonly Write[], change: Change): Issue;
}

export function createEdits({ issues, replica }: { issues: IssueStore; replica: Replica }): Edits {
  return {
    put(issue, change) {
      const before = issues.state(issue.id);
      const stamp = { replica: replica.id(), nowMs: change.atMs, updatedAt: issue.updated_at };
      const state =
        before === undefined
          ? createState(issue.id, creationWrites(issue), stamp)
          : applyWrites(before, diffToWrites(before, issue), stamp);
      issues.put(state, change);
      return viewIssue(state).issue;
    },
    write(id, writes, change) {
      const before = issues.state(id) ?? emptyState(id);
      const state = applyWrites(before, writes, { replica: replica.id(), nowMs: change.atMs });
      issues.put(state, change);
      return viewIssue(state).issue;
    },
  };
}
