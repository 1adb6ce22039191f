import { DAEMON_METHODS, isDaemonMethod, type OutputParams } from '../protocol/daemon-methods.ts';
import type { Call, Method, Params } from '../protocol/methods.ts';
import type { Caller, Handle } from './connections/rpc-peer.ts';
import { readStatus, type DaemonFacts } from './read-status.ts';
import { runCommandFor } from './run-command.ts';

export interface HandleOptions {
  call: Call;
  facts: DaemonFacts;
  /** What people should hear of, and was not told yet. */
  takeNotice: () => string | undefined;
  /** Begins the end; what runs is finished first. */
  stop: (reason: string) => void;
}

/** One door for all requests: the daemon's own, and everything else goes to the workspace. */
export function createHandle({ call, facts, takeNotice, stop }: HandleOptions): Handle {
  return async (method, params, caller) => {
    if (!isDaemonMethod(method)) {
      // The table checks both, as it does for every face.
      return await call(method as Method, params as Params<Method>);
    }
    switch (method) {
      case 'run_command':
        tell(caller, takeNotice());
        return await runCommandFor(caller, DAEMON_METHODS[method].check(params, method), {
          call,
          nowMs: facts.clock.nowMs(),
        });
      case 'daemon_status':
        DAEMON_METHODS[method].check(params, method);
        return await readStatus(facts);
      case 'shutdown':
        DAEMON_METHODS[method].check(params, method);
        stop('a client asked for it');
        return { message: 'the daemon finishes what runs, and ends' };
      default:
        return method satisfies never;
    }
  };
}

/** On standard error: what a command prints is read by programs. */
function tell(caller: Caller, notice: string | undefined): void {
  if (notice === undefined) return;
  caller.notify('output', { stream: 'stderr', text: `Note: ${notice}\n` } satisfies OutputParams);
}
