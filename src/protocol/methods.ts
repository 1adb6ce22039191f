import { BdError } from '../core/errors.ts';
import { omitUndefined } from '../core/omit-undefined.ts';
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

/** What an answer says of the mirror beside its result, when there is something to say. */
export interface MirrorNotes {
  /** The answer may lack an edit of the mirror, or issues of the repository: not all could be read in time. */
  stale?: true;
  /** Why the mirror could not be read, or why a mirror that git tracks does not show the change, which is stored. */
  mirror_error?: string;
}

/** Runs one operation; rejects with a `BdError`. Each face holds one and knows nothing more. */
export type Call = <M extends Method>(
  method: M,
  params: Params<M>,
  options?: CallOptions,
) => Promise<Result<M> & MirrorNotes>;

/** The same calls without their notes, which go to `note`: for a face that says them in its own way. */
export function withNotes(call: Call, note: (notes: MirrorNotes) => void): Call {
  return async (method, params, options) => {
    const { stale, mirror_error: error, ...result } = await call(method, params, options);
    if (stale ?? error) note(omitUndefined({ stale, mirror_error: error }));
    return result as unknown as Result<typeof method> & MirrorNotes;
  };
}

export interface CallOptions {
  /** Aborted when the result is no longer wanted; a long operation then stops between two steps. */
  readonly signal?: AbortSignal | undefined;
  /** Told now and then how many lines an import has read. */
  readonly progress?: ((lines: number) => void) | undefined;
}

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name);
}

export function unknownMethod(method: string): BdError {
  return new BdError('UNKNOWN_METHOD', {
    message: `there is no method "${method}"`,
    remedy: 'See docs/PROTOCOL.md for the methods.',
  });
}
