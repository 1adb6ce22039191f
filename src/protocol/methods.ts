import { conflictMethods, type ConflictResults } from './methods/conflict.ts';
import { commentMethods, type CommentResults } from './methods/comment.ts';
import { dependencyMethods, type DependencyResults } from './methods/dependency.ts';
import { issueMethods, type IssueResults } from './methods/issue.ts';
import { labelMethods, type LabelResults } from './methods/label.ts';
import { workspaceMethods, type WorkspaceResults } from './methods/workspace.ts';
import type { ShapeOf } from './shape.ts';

/**
 * Every operation on an open workspace, with the shape of its parameters. The command line,
 * JSON-RPC and MCP are adapters over this one table; docs/PROTOCOL.md has a heading for each entry.
 */
export const METHODS = {
  ...issueMethods,
  ...dependencyMethods,
  ...labelMethods,
  ...commentMethods,
  ...conflictMethods,
  ...workspaceMethods,
};

export type Method = keyof typeof METHODS;

export type Params<M extends Method> = ShapeOf<(typeof METHODS)[M]>;

export type Result<M extends Method> = (IssueResults &
  DependencyResults &
  LabelResults &
  CommentResults &
  ConflictResults &
  WorkspaceResults)[M];

/** Runs one operation; rejects with a `BdError`. Each face holds one and knows nothing more. */
export type Call = <M extends Method>(method: M, params: Params<M>) => Promise<Result<M>>;

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}
