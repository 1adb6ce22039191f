import { unknownMethod } from '../protocol/methods.ts';
import type { MethodDefinition } from '../protocol/methods/method.ts';
import type { Handle } from '../rpc/connection.ts';

/** One part of the daemon. All parts are listed in lifecycle.ts, and know nothing of each other. */
export interface DaemonModule {
  readonly name: string;
  /** What it answers; docs/PROTOCOL.md has a heading for each. */
  readonly methods?: Readonly<Record<string, MethodDefinition>>;
  /** Does one of its methods. Checks the parameters. */
  readonly operations?: Handle;
  /** Works in the background until `signal` is aborted. A rejection ends the daemon. */
  run?(signal: AbortSignal): Promise<void>;
  /** Whether the daemon must stay, though no client is there. */
  busy?(): boolean;
  /** Writes what is due, after each `run` has ended; the last module first. Not called when the workspace is lost. */
  drain?(): Promise<void>;
}

/** Finds the module that a method belongs to. */
export function createRouter(modules: readonly DaemonModule[]): Handle {
  const owners = new Map<string, { name: string; operations: Handle }>();
  for (const { name, methods = {}, operations } of modules) {
    if (operations === undefined) continue;
    for (const method of Object.keys(methods)) {
      const other = owners.get(method);
      if (other !== undefined) throw new Error(`${name} and ${other.name} both have ${method}`);
      owners.set(method, { name, operations });
    }
  }
  return async (method, params, caller) => {
    const owner = owners.get(method);
    if (owner === undefined) throw unknownMethod(method);
    return await owner.operations(method, params, caller);
  };
}
