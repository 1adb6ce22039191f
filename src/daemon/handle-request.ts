import { DAEMON_METHODS, isDaemonMethod, type OutputParams } from '../protocol/daemon-methods.ts';
import type { Call, Method, Params } from '../protocol/methods.ts';
import { watchLoss } from './command-loss.ts';
import type { Caller, Handle } from '../rpc/connection.ts';
import { readStatus, type DaemonFacts } from './read-status.ts';
import type { Admission } from './admission.ts';
import { runCommandFor } from './run-command.ts';

export interface HandleOptions {
  /** The operations, for one command where it has a key. */
  callFor: (command: { key?: string | undefined }) => Call;
  admission: Admission;
  facts: DaemonFacts;
  /** What people should hear of, and was not told yet. */
  takeNotice: () => string | undefined;
  /** Begins the end; what runs is finished first. */
  stop: (reason: string) => void;
}

/** One door for all requests: the daemon's own, and everything else goes to the workspace. */
export function createHandle(options: HandleOptions): Handle {
  const { callFor, admission, facts, takeNotice, stop } = options;
  const call = callFor({});
  return async (method, params, caller) => {
    if (!isDaemonMethod(method)) {
      // The table checks both, as it does for every face.
      return await call(method as Method, params as Params<Method>, { signal: caller.signal });
    }
    switch (method) {
      case 'hello': {
        const answer = admission.hello(params);
        if ((params as { passive?: unknown }).passive === true) caller.becomePassive();
        return answer;
      }
      case 'run_command': {
        admission.admit(params);
        const command = DAEMON_METHODS[method].params.check(params, method);
        tell(caller, takeNotice());
        const nowMs = facts.clock.nowMs();
        const watched = watchLoss(callFor(command));
        const result = await runCommandFor(caller, command, { call: watched.call, nowMs });
        if (watched.isForTheNext()) throw admission.decline('the workspace was replaced');
        return result;
      }
      case 'daemon_status':
        DAEMON_METHODS[method].params.check(params, method);
        return await readStatus(facts);
      case 'retire': {
        const { reason } = DAEMON_METHODS[method].params.check(params, method);
        admission.retire(reason ?? 'a client asked for it');
        return { message: 'the daemon finishes what runs, and the next one begins' };
      }
      case 'shutdown':
        DAEMON_METHODS[method].params.check(params, method);
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
  void caller.notify('output', {
    stream: 'stderr',
    text: `Note: ${notice}\n`,
  } satisfies OutputParams);
}
