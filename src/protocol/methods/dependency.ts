import type { IssueJson } from '../../core/issue-line.ts';
import { choice, flag, integer, object, optional } from '../shape.ts';
import { result, type MethodDefinition } from './method.ts';
import { actor, issueId, name, type LinkedIssue } from './issue.ts';

const direction = optional(choice(['down', 'up', 'both']));

export const dependencyMethods = {
  /** `issue_id` depends on `depends_on_id`. */
  add_dependency: {
    effect: 'write',
    params: object({
      issue_id: issueId,
      depends_on_id: issueId,
      type: optional(name),
      actor,
    }),
    result: result<{ issue_id: string; depends_on_id: string; type: string; changed: boolean }>(),
  },
  remove_dependency: {
    effect: 'write',
    params: object({ issue_id: issueId, depends_on_id: issueId, actor }),
    result: result<{ issue_id: string; depends_on_id: string }>(),
  },
  /** `down`: what the issue depends on; `up`: what depends on it. */
  list_dependencies: {
    effect: 'read',
    params: object({ issue_id: issueId, direction, type: optional(name) }),
    result: result<{ dependencies: LinkedIssue[] }>(),
  },
  dependency_tree: {
    effect: 'read',
    params: object({
      issue_id: issueId,
      direction,
      depth_max: optional(integer({ min: 1, max: 1_000 })),
      type: optional(name),
      status: optional(name),
      /** Show an issue again on each path that leads to it. */
      all_paths: optional(flag()),
    }),
    result: result<{ nodes: TreeNode[] }>(),
  },
  dependency_cycles: {
    effect: 'read',
    params: object({}),
    result: result<{ cycles: IssueJson[][] }>(),
  },
} satisfies Record<string, MethodDefinition>;

export type TreeNode = IssueJson & {
  depth: number;
  parent_id: string;
  /** The depth limit or an issue shown before hid what is below. */
  truncated: boolean;
  /** False where the dependency that leads here does not count, as it closes a cycle. */
  counts: boolean;
};
