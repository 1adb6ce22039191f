import { isParentType } from '../../core/dependency.ts';
import type { IssueJson } from '../../core/issue-line.ts';
import type { TreeNode } from '../../protocol/methods/dependency.ts';
import { renderIssueLine } from './issue-rows.ts';
import type { Screen } from './screen.ts';

interface Branch {
  line: string;
  below: Branch[];
}

/** Issues below their parents, where the parent is among them. */
export function renderIssueTree(issues: readonly IssueJson[], screen: Screen): string {
  const branches = new Map<string, Branch>(
    issues.map((issue) => [
      issue.id,
      { line: renderIssueLine(issue, unbounded(screen)), below: [] },
    ]),
  );
  const roots: Branch[] = [];
  const parents = new Map<string, string>();
  for (const { id, dependencies = [] } of issues) {
    const branch = branches.get(id);
    const parent = dependencies.find((edge) => isParentType(edge.type))?.depends_on_id ?? '';
    const above = isWithin(id, parent, parents) ? undefined : branches.get(parent);
    if (above !== undefined) parents.set(id, parent);
    if (branch !== undefined) (above?.below ?? roots).push(branch);
  }
  return draw(roots);
}

/** Two clones can each make one issue the parent of the other: one of them is drawn on top. */
function isWithin(id: string, place: string, parents: ReadonlyMap<string, string>): boolean {
  for (let at: string | undefined = place; at !== undefined; at = parents.get(at)) {
    if (at === id) return true;
  }
  return false;
}

/** Nodes in depth-first order, as `dependency_tree` gives them; `…` marks what has more below. */
export function renderDependencyTree(nodes: readonly TreeNode[], screen: Screen): string {
  const roots: Branch[] = [];
  const path: Branch[] = [];
  for (const node of nodes) {
    const marks = `${node.truncated ? ' …' : ''}${node.counts ? '' : '  (does not count: a cycle)'}`;
    const branch = { line: `${renderIssueLine(node, unbounded(screen))}${marks}`, below: [] };
    path.length = Math.min(path.length, node.depth);
    (path.at(-1)?.below ?? roots).push(branch);
    path.push(branch);
  }
  return draw(roots);
}

function draw(branches: readonly Branch[]): string {
  const lines: string[] = [];
  const add = (list: readonly Branch[], lead: string): void => {
    list.forEach(({ line, below }, index) => {
      const isLast = index === list.length - 1;
      lines.push(`${lead}${isLast ? '└── ' : '├── '}${line}\n`);
      add(below, `${lead}${isLast ? '    ' : '│   '}`);
    });
  };
  for (const { line, below } of branches) {
    lines.push(`${line}\n`);
    add(below, '');
  }
  return lines.join('');
}

/** Lines of a tree start at different columns, so the terminal wraps them. */
function unbounded(screen: Screen): Screen {
  return { ...screen, width: undefined };
}
