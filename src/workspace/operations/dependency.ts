import { findCycles } from '../../core/dependency.ts';
import { BdError } from '../../core/errors.ts';
import type { Params } from '../../protocol/methods.ts';
import type { TreeNode } from '../../protocol/methods/dependency.ts';
import type { Edge } from '../../store/graph-queries.ts';
import { findIssue, findIssueId } from './find-issue.ts';
import { newEdge } from './issue-rules.ts';
import { edit, type Edits, type ReadableWorkspace, type Reads } from './operation.ts';
import { linkedIssues } from './read-issue.ts';

export const dependencyOperations: Edits<'add_dependency' | 'remove_dependency'> &
  Reads<'list_dependencies' | 'dependency_tree' | 'dependency_cycles'> = {
  add_dependency: (workspace, params) =>
    edit(workspace, params, ({ actor, now, put }) => {
      const issue = findIssue(workspace, params.issue_id);
      const to = findIssueId(workspace, params.depends_on_id);
      const { type = 'blocks' } = params;
      const others = issue.dependencies ?? [];
      const edge = { issue_id: issue.id, depends_on_id: to, type };
      if (others.some((other) => other.depends_on_id === to && other.type === type)) {
        return { ...edge, changed: false };
      }
      const dependencies = [...others, newEdge(workspace, edge, { others, actor, now })];
      put({ ...issue, dependencies }, 'dependency_added');
      return { ...edge, changed: true };
    }),

  remove_dependency: (workspace, params) =>
    edit(workspace, params, ({ put }) => {
      const issue = findIssue(workspace, params.issue_id);
      const edges = issue.dependencies ?? [];
      const target = targetOf(workspace, edges, params.depends_on_id);
      const kept = edges.filter((edge) => edge.depends_on_id !== target);
      if (kept.length === edges.length) {
        throw new BdError('ISSUE_NOT_FOUND', {
          message: `${issue.id} does not depend on ${target}`,
          remedy: `See what it depends on with \`bd dep list ${issue.id}\`.`,
        });
      }
      put({ ...issue, dependencies: kept }, 'dependency_removed');
      return { issue_id: issue.id, depends_on_id: target };
    }),

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
    for (const { issue_id: from, depends_on_id: to } of graph.orderingEdges()) {
      targets.set(from, [...(targets.get(from) ?? []), to]);
    }
    const cycles = findCycles(targets.keys(), (id) => targets.get(id) ?? []);
    return { cycles: cycles.map((ids) => ids.flatMap((id) => issues.json(id) ?? [])) };
  },
};

/** An edge can lead to an issue that is missing here; only its whole id names that one. */
function targetOf(workspace: ReadableWorkspace, edges: readonly Edge[], text: string): string {
  return edges.some((edge) => edge.depends_on_id === text) ? text : findIssueId(workspace, text);
}

const DEPTH_MAX_DEFAULT = 50;

/** The number of paths can double at each level; no one reads more rows than this. */
const STEPS_MAX = 10_000;

/** Depth first from the issue. Each issue is followed once, unless all paths are asked for; a cycle ends its path. */
function dependencyTree(
  workspace: ReadableWorkspace,
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
  /** False when the edge closes a cycle. */
  counts: boolean;
}

function edgeName({ issue_id: from, depends_on_id: to, type }: Edge): string {
  return JSON.stringify([from, to, type]);
}

function ofType(edges: readonly Edge[], type: string | undefined): Edge[] {
  return edges.filter((edge) => type === undefined || edge.type === type);
}
