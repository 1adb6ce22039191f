import { findCycles } from '../../core/dependency.ts';
import { BdError } from '../../core/errors.ts';
import { timestampAt } from '../../core/timestamp.ts';
import type { Edge } from '../../store/graph-queries.ts';
import type { Workspace } from '../workspace.ts';
import { dependencyTree, ofType } from './dependency-tree.ts';
import { checkFreePlace, checkNewEdge } from './edge-rules.ts';
import { findIssue, findIssueId } from './find-issue.ts';
import { actorOf, putEdited, type Operations } from './operation.ts';
import { linkedIssues } from './read-issue.ts';

export const dependencyOperations: Operations<
  | 'add_dependency'
  | 'remove_dependency'
  | 'list_dependencies'
  | 'dependency_tree'
  | 'dependency_cycles'
> = {
  async add_dependency(workspace, params) {
    const actor = await actorOf(workspace, params);
    return workspace.write(() => {
      const issue = findIssue(workspace, params.issue_id);
      const to = findIssueId(workspace, params.depends_on_id);
      const { type = 'blocks' } = params;
      const edges = issue.dependencies ?? [];
      const result = { issue_id: issue.id, depends_on_id: to, type };
      if (edges.some((edge) => edge.depends_on_id === to && edge.type === type)) {
        return { ...result, changed: false };
      }
      const edge = { from: issue.id, to, type };
      checkNewEdge(workspace, edge);
      checkFreePlace(edges, edge);
      const created = {
        ...result,
        created_at: timestampAt(workspace.clock.nowMs()),
        created_by: actor,
      };
      const linked = { ...issue, dependencies: [...edges, created] };
      putEdited(workspace, linked, { kind: 'dependency_added', actor });
      return { ...result, changed: true };
    });
  },

  async remove_dependency(workspace, params) {
    const actor = await actorOf(workspace, params);
    return workspace.write(() => {
      const { dependencies: edges = [], ...issue } = findIssue(workspace, params.issue_id);
      const target = targetOf(workspace, edges, params.depends_on_id);
      const kept = edges.filter((edge) => edge.depends_on_id !== target);
      if (kept.length === edges.length) {
        throw new BdError('ISSUE_NOT_FOUND', {
          message: `${issue.id} does not depend on ${target}`,
          remedy: `See what it depends on with \`bd dep list ${issue.id}\`.`,
        });
      }
      const unlinked = kept.length > 0 ? { ...issue, dependencies: kept } : issue;
      putEdited(workspace, unlinked, { kind: 'dependency_removed', actor });
      return { issue_id: issue.id, depends_on_id: target };
    });
  },

  list_dependencies(workspace, { issue_id: text, direction = 'down', type }) {
    const id = findIssueId(workspace, text);
    const side = (way: 'down' | 'up', end: 'issue_id' | 'depends_on_id') =>
      direction === way || direction === 'both'
        ? linkedIssues(workspace, ofType(workspace.store.graph.edges(id, way), type), end)
        : [];
    return { dependencies: [...side('down', 'depends_on_id'), ...side('up', 'issue_id')] };
  },

  dependency_tree: (workspace, params) => ({ nodes: dependencyTree(workspace, params) }),

  dependency_cycles(workspace) {
    const { graph, issues } = workspace.store;
    const targets = new Map<string, string[]>();
    for (const edge of graph.orderingEdges()) {
      targets.set(edge.issue_id, [...(targets.get(edge.issue_id) ?? []), edge.depends_on_id]);
    }
    const cycles = findCycles(targets.keys(), (id) => targets.get(id) ?? []);
    return { cycles: cycles.map((ids) => ids.flatMap((id) => issues.json(id) ?? [])) };
  },
};

/** An edge may lead to an issue that is not here: then only its whole id names it. */
function targetOf(workspace: Workspace, edges: readonly Edge[], text: string): string {
  return edges.some((edge) => edge.depends_on_id === text) ? text : findIssueId(workspace, text);
}
