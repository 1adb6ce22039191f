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
  const { graph, issues, cycles } = workspace.store;
  const notCounting = new Set(cycles.suppressed().map(edgeName));
  const nodes: TreeNode[] = [];
  const seen = new Set<string>();
  let steps = 0;
  const follow = (id: string, way: 'down' | 'up'): Step[] =>
    ofType(graph.edges(id, way), type).map((edge) => ({
      target: way === 'down' ? edge.depends_on_id : edge.issue_id,
      counts: !notCounting.has(edgeName(edge)),
    }));
  const next = (id: string): Step[] => [
    ...(direction === 'up' ? [] : follow(id, 'down')),
    ...(direction === 'down' ? [] : follow(id, 'up')),
  ];
  const visit = ({ target: id, counts }: Step, path: readonly string[]): void => {
    const issue = issues.json(id);
    if (issue === undefined || steps >= STEPS_MAX) return;
    steps += 1;
    const parent = path.at(-1) ?? '';
    const below = next(id).filter(({ target }) => target !== parent);
    const shownBefore = seen.has(id) && params.all_paths !== true;
    const isEnd = shownBefore || path.includes(id) || path.length >= depthMax;
    seen.add(id);
    const truncated = isEnd && below.length > 0;
    if (path.length === 0 || status === undefined || issue.status === status) {
      nodes.push({ ...issue, depth: path.length, parent_id: parent, truncated, counts });
    }
    if (!isEnd) for (const step of below) visit(step, [...path, id]);
  };
  visit({ target: findIssueId(workspace, params.issue_id), counts: true }, []);
  return nodes;
}

interface Step {
  target: string;
  /** Not where the edge closes a cycle. */
  counts: boolean;
}

function edgeName({ issue_id: from, depends_on_id: to, type }: Edge): string {
  return JSON.stringify([from, to, type]);
}

export function ofType(edges: readonly Edge[], type: string | undefined): Edge[] {
  return edges.filter((edge) => type === undefined || edge.type === type);
}
