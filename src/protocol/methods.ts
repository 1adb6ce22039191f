import { conflictMethods } from './methods/conflict.ts';
import { dependencyMethods } from './methods/dependency.ts';
import { commentMethods, issueMethods, labelMethods } from './methods/issue.ts';
import type { ResultOf } from './methods/method.ts';
import { workspaceMethods } from './methods/workspace.ts';
import type { ShapeOf } from './shape.ts';

/**
 * Every operation on an open workspace: what it does, its parameters and its result. The command line,
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

export type Params<M extends Method> = ShapeOf<(typeof METHODS)[M]['params']>;

export type Result<M extends Method> = ResultOf<(typeof METHODS)[M]['result']>;

/** Runs one operation; rejects with a `BdError`. Each face holds one and knows nothing more. */
export type Call = <M extends Method>(method: M, params: Params<M>) => Promise<Result<M>>;

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}
