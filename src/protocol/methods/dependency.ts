import type { IssueJson } from '../../core/issue-line.ts';
import { choice, flag, integer, object, optional } from '../shape.ts';
import { actor, issueId, name, type LinkedIssue } from './issue.ts';

const direction = optional(choice(['down', 'up', 'both']));

export const dependencyMethods = {
  /** `issue_id` depends on `depends_on_id`. */
  add_dependency: object({
    issue_id: issueId,
    depends_on_id: issueId,
    type: optional(name),
    actor,
  }),
  remove_dependency: object({ issue_id: issueId, depends_on_id: issueId, actor }),
  /** `down`: what the issue depends on; `up`: what depends on it. */
  list_dependencies: object({ issue_id: issueId, direction, type: optional(name) }),
  dependency_tree: object({
    issue_id: issueId,
    direction,
    depth_max: optional(integer({ min: 1, max: 1_000 })),
    type: optional(name),
    status: optional(name),
    /** Show an issue again on each path that leads to it. */
    all_paths: optional(flag()),
  }),
  dependency_cycles: object({}),
};

export type TreeNode = IssueJson & {
  depth: number;
  parent_id: string;
  /** The depth limit or an issue shown before hid what is below. */
  truncated: boolean;
  /** False where the dependency that leads here does not count, as it closes a cycle. */
  counts: boolean;
};

export interface DependencyResults {
  add_dependency: { issue_id: string; depends_on_id: string; type: string; changed: boolean };
  remove_dependency: { issue_id: string; depends_on_id: string };
  list_dependencies: { dependencies: LinkedIssue[] };
  dependency_tree: { nodes: TreeNode[] };
  dependency_cycles: { cycles: IssueJson[][] };
}
