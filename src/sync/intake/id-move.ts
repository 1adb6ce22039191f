import type { IssueState } from '../../core/causal/issue-state.ts';
import type { Dependency } from '../../core/issue.ts';
import type { Store } from '../../store/store.ts';

/** An issue that got another id, as somebody else had created one with the same. */
export interface MovedIssue {
  from: string;
  to: string;
}

/**
 * Leads the edges that this clone made to its own issue after it: nobody here knew of the other one.
 * Edges that others made stay where they lead; nobody can tell which of both they meant.
 */
export function moveOwnEdges(
  store: Store,
  { from, to }: MovedIssue,
  { nowMs }: { nowMs: number },
): void {
  const own = store.replica.id();
  for (const { issue_id: id } of store.graph.edges(from, 'up')) {
    const state = store.issues.state(id);
    const issue = store.issues.get(id);
    if (state === undefined || issue === undefined) continue;
    const lead = (edge: Dependency): Dependency =>
      edge.depends_on_id === from && writerOf(state, edge) === own
        ? { ...edge, depends_on_id: to }
        : edge;
    const moved = { ...issue, dependencies: (issue.dependencies ?? []).map(lead) };
    store.edits.put(moved, { kind: 'updated', actor: '', origin: 'local', atMs: nowMs });
  }
}

function writerOf({ entries }: IssueState, edge: Dependency): string | undefined {
  for (const [key, siblings] of entries) {
    if (key !== 'parent' && !key.startsWith('d/')) continue;
    for (const { value, replica } of siblings) {
      const written = value as Dependency | undefined;
      if (written?.depends_on_id === edge.depends_on_id && written.type === edge.type)
        return replica;
    }
  }
  return undefined;
}
