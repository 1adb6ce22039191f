import { BdError } from '../core/errors.ts';
import { METHODS, type Call, type Method, type Params } from '../protocol/methods.ts';
import { createCall } from '../workspace/operations/table.ts';
import { hasUnshared } from '../workspace/workspace.ts';
import type { DaemonModule } from './daemon-module.ts';
import type { ServingContext } from './server.ts';

/** The operations on the issues, and the sync that shares them. */
export function createWorkspaceModule(context: ServingContext): DaemonModule {
  const { workspace } = context;
  const call = createWorkspaceCall(context);
  return {
    name: 'workspace',
    methods: METHODS,
    operations: (method, params, caller) =>
      // The table of operations checks both, as it does for every face.
      call(method as Method, params as Params<Method>, caller),
    run: (signal) => workspace.sync.run(signal),
    busy: () => hasUnshared(workspace),
    drain: () => workspace[Symbol.asyncDispose](),
  };
}

const LOSSES: ReadonlySet<string> = new Set(['LOCK_UNAVAILABLE', 'STORE_UNUSABLE']);

/**
 * The operations for one command, where it has a key. Nothing is begun on a store that is no longer ours:
 * its client is sent to the next daemon. A request that finds out later ends the daemon too.
 */
export function createWorkspaceCall(
  { workspace, check, standing, server }: ServingContext,
  command: { key?: string | undefined } = {},
): Call {
  const call = createCall(workspace, command);
  return async (method, params, options) => {
    if (standing() !== 'ours') {
      server.withdraw();
      check();
      throw server.admission.decline('the workspace was replaced');
    }
    try {
      return await call(method, params, options);
    } catch (error) {
      if (error instanceof BdError && LOSSES.has(error.code)) check();
      throw error;
    }
  };
}
