import { BdError, toBdError } from '../../core/errors.ts';
import type { Log } from '../../platform/log.ts';
import {
  errorReply,
  fromRpcError,
  notification,
  request,
  resultReply,
  type Incoming,
  type RpcId,
  type RpcOutcome,
} from '../../protocol/messages.ts';

/** The other side, as one request's handler sees it. */
export interface Caller {
  notify(method: string, params: object): void;
  /** Asks back; rejects when the connection ends first. */
  request(method: string, params: object): Promise<unknown>;
}

/** Answers one method; throws `BdError` for what it refuses. */
export type Handle = (method: string, params: unknown, caller: Caller) => Promise<unknown>;

export interface RpcPeer {
  /** `done` is called when nothing of the message is needed any more. */
  receive(message: Incoming, done: () => void): void;
  /** From now on requests are answered with this, and not begun. */
  refuse(error: BdError): void;
  /** How many requests run. */
  running(): number;
  /** The other side is gone: what was asked of it will not be answered. */
  end(): void;
}

/** JSON-RPC over any framing: each request is answered when it is done, and fails alone. */
export function createRpcPeer({
  handle,
  send,
  settled,
  log,
}: {
  handle: Handle;
  send: (message: object) => void;
  /** Called after each request, when its answer is on the way. */
  settled: () => void;
  log: Log;
}): RpcPeer {
  const asked = new Map<RpcId, (outcome: RpcOutcome | undefined) => void>();
  let running = 0;
  let lastId = 0;
  let refusal: BdError | undefined;

  const caller: Caller = {
    notify: (method, params) => send(notification(method, params)),
    request(method, params) {
      lastId += 1;
      const id = `bd-${lastId}`;
      return new Promise((done, fail) => {
        asked.set(id, (outcome) => {
          asked.delete(id);
          if (outcome === undefined) fail(gone(method));
          else if ('error' in outcome) fail(fromRpcError(outcome.error));
          else done(outcome.result);
        });
        send(request(id, method, params));
      });
    },
  };

  const run = async (
    { id, method, params }: { id?: RpcId; method: string; params: unknown },
    done: () => void,
  ): Promise<void> => {
    running += 1;
    try {
      const result = await handle(method, params, caller);
      if (id !== undefined) send(resultReply(id, result ?? null));
    } catch (error) {
      const known = toBdError(error);
      if (known.code === 'INTERNAL') log.error(known.message, { method, error: known.cause });
      if (id !== undefined) send(errorReply(id, known));
    } finally {
      running -= 1;
      done();
      settled();
    }
  };

  return {
    receive(message, done) {
      switch (message.kind) {
        case 'request':
        case 'notification':
          if (refusal === undefined) return void run(message, done);
          if (message.kind === 'request') send(errorReply(message.id, refusal));
          return done();
        case 'response':
          asked.get(message.id)?.(message.outcome);
          return done();
        case 'invalid':
          send(errorReply(message.id, message.error));
          return done();
        default:
          return message satisfies never;
      }
    },
    refuse: (error) => void (refusal = error),
    running: () => running,
    end() {
      for (const answer of asked.values()) answer(undefined);
    },
  };
}

function gone(method: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `the client went away before it answered ${method}`,
    remedy: 'Run the command again.',
  });
}
