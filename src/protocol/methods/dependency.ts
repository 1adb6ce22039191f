import type { IssueJson } from '../../core/issue-line.ts';
import { choice, flag, integer, optional } from '../shape.ts';
import { read, result, write } from './method.ts';
import { actor, issueId, name, type LinkedIssue } from './issue.ts';

const direction = optional(choice(['down', 'up', 'both']));

export const dependencyMethods = {
  /** `issue_id` depends on `depends_on_id`. */
  add_dependency: write(
    {
      issue_id: issueId,
      depends_on_id: issueId,
      type: optional(name),
      actor,
    },
    result<{ issue_id: string; depends_on_id: string; type: string; changed: boolean }>(),
  ),
  remove_dependency: write(
    { issue_id: issueId, depends_on_id: issueId, actor },
    result<{ issue_id: string; depends_on_id: string }>(),
  ),
  /** `down`: what the issue depends on; `up`: what depends on it. */
  list_dependencies: read(
    { issue_id: issueId, direction, type: optional(name) },
    result<{ dependencies: LinkedIssue[] }>(),
  ),
  dependency_tree: read(
    {
      issue_id: issueId,
      direction,
      depth_max: optional(integer({ min: 1, max: 1_000 })),
      type: optional(name),
      status: optional(name),
      /** Show an issue again on each path that leads to it. */
      all_paths: optional(flag()),
    },
    result<{ nodes: TreeNode[] }>(),
  ),
  dependency_cycles: read({}, result<{ cycles: IssueJson[][] }>()),
};

export type TreeNode = IssueJson & {
  depth: number;
  parent_id: string;
  /** The depth limit or an issue shown before hid what is below. */
  truncated: boolean;
  /** False where the dependency that leads here does not count, as it closes a cycle. */
  counts: boolean;
};
