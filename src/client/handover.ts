import { fromRpcError, type RpcError } from '../protocol/messages.ts';
import type { BdError } from '../core/errors.ts';
import { lost, nameCall, silent } from './forward-command.ts';

/** Carries a `Handover` as JSON from the native client to this one, which runs in the same process. */
export const HANDOVER_VARIABLE = 'BD_HANDOVER';

/** Says nothing about the place: other commands run in the native client there. */
export const LOCAL_COMMAND_REASON = 'such a command always runs in Node';

/** A command that the native client left to this one. */
export interface Handover {
  /** Why, as in "Node runs it: the daemon retires". */
  reason: string;
  /** Of a command that a daemon may have done already. */
  key?: string;
  /** How long a daemon has waited for the workspace, which another process holds. */
  busyMs?: number;
  /** It ended in a way that is only to be reported. */
  failure?: Failure;
}

type Failure =
  | { kind: 'silent'; hasStarted: boolean }
  | { kind: 'lost'; cause?: string }
  | { kind: 'refused'; error: RpcError };

/** Removes the variable, so that no other process inherits it. */
export function takeHandover(env: Record<string, string | undefined>): Handover | undefined {
  const text = env[HANDOVER_VARIABLE];
  delete env[HANDOVER_VARIABLE];
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Handover);
  } catch {
    // Not from the native client.
    return undefined;
  }
}

export function explainFailure(
  failure: Failure,
  { argv, daemon }: { argv: readonly string[]; daemon: string },
): BdError {
  const names = nameCall(argv, daemon);
  switch (failure.kind) {
    case 'silent':
      return silent(names, failure);
    case 'lost':
      return lost(names, failure.cause);
    case 'refused':
      return fromRpcError(failure.error);
    default:
      return failure satisfies never;
  }
}
