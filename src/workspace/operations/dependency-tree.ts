import type { Params } from '../../protocol/methods.ts';
import type { TreeNode } from '../../protocol/methods/dependency.ts';
import type { Edge } from '../../store/graph-queries.ts';
import type { Workspace } from '../workspace.ts';
import { findIssueId } from './find-issue.ts';

const DEPTH_MAX_DEFAULT = 50;

/** Paths can double at each level; this many steps are more rows than anybody reads. */
const STEPS_MAX = 10_000;

/** Depth first from the issue, each once unless all paths are asked for; a node on its own path ends it. */
export function dependencyTree(
  workspace: Workspace,
  params: Params<'dependency_tree'>,
): TreeNode[] {
  const { direction = 'down', depth_max: depthMax = DEPTH_MAX_DEFAULT, type, status } = params;
  const { graph, issues } = workspace.store;
  const nodes: TreeNode[] = [];
  const seen = new Set<string>();
  let steps = 0;
  const next = (id: string): string[] => [
    ...(direction === 'up'
      ? []
      : ofType(graph.edges(id, 'down'), type).map((e) => e.depends_on_id)),
    ...(direction === 'down' ? [] : ofType(graph.edges(id, 'up'), type).map((e) => e.issue_id)),
  ];
  const visit = (id: string, path: readonly string[]): void => {
    const issue = issues.json(id);
    if (issue === undefined || steps >= STEPS_MAX) return;
    steps += 1;
    const parent = path.at(-1) ?? '';
    const below = next(id).filter((target) => target !== parent);
    const shownBefore = seen.has(id) && params.all_paths !== true;
    const isEnd = shownBefore || path.includes(id) || path.length >= depthMax;
    seen.add(id);
    const truncated = isEnd && below.length > 0;
    if (path.length === 0 || status === undefined || issue.status === status) {
      nodes.push({ ...issue, depth: path.length, parent_id: parent, truncated });
    }
    if (!isEnd) for (const target of below) visit(target, [...path, id]);
  };
  visit(findIssueId(workspace, params.issue_id), []);
  return nodes;
}

export function ofType(edges: readonly Edge[], type: string | undefined): Edge[] {
  return edges.filter((edge) => type === undefined || edge.type === type);
}
