import type { Socket } from 'node:net';
import { BdError } from '../core/errors.ts';
import { ANSWER_TIMEOUT_MS } from '../core/limits.ts';
import type { DaemonResults } from '../protocol/daemon-methods.ts';
import { fromRpcError, readMessage, request } from '../protocol/messages.ts';
import type { Method, Result } from '../protocol/methods.ts';
import { openMessageStream } from './message-stream.ts';

type Answerable = Method | Exclude<keyof DaemonResults, 'run_command'>;

type Answer<M extends Answerable> = M extends Method
  ? Result<M>
  : M extends keyof DaemonResults
    ? DaemonResults[M]
    : never;

/** One question over a fresh connection, which it ends. */
export function ask<M extends Answerable>(
  socket: Socket,
  method: M,
  { params = {}, timeoutMs = ANSWER_TIMEOUT_MS }: { params?: object; timeoutMs?: number } = {},
): Promise<Answer<M>> {
  return new Promise((done, fail) => {
    const stream = openMessageStream(socket);
    const settle = (finish: () => void): void => {
      clearTimeout(deadline);
      socket.destroy();
      finish();
    };
    const deadline = setTimeout(
      () => settle(() => fail(noAnswer(`it said nothing for ${Math.ceil(timeoutMs / 1000)} s`))),
      timeoutMs,
    );
    stream.read({
      message(value) {
        const message = readMessage(value);
        if (message.kind !== 'response') return;
        const { outcome } = message;
        settle(() => {
          if ('error' in outcome) fail(fromRpcError(outcome.error));
          // The daemon is the same program; a newer one adds members and takes none away.
          else done(outcome.result as Answer<M>);
        });
      },
      ended: (reason) =>
        settle(() => fail(noAnswer(reason ?? 'it ended the connection', { ended: true }))),
    });
    stream.send(request(1, method, params));
  });
}

/** The answer; undefined from a daemon that is ending already. */
export async function unlessEnding<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isEnding(error)) return undefined;
    throw error;
  }
}

function isEnding(error: unknown): boolean {
  return (
    error instanceof BdError &&
    (error.code === 'DAEMON_RETIRING' || error.details['ended'] === true)
  );
}

/** `ended`: the daemon let go of the connection, as one does that ends. */
function noAnswer(reason: string, details: { ended?: true } = {}): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `the daemon did not answer: ${reason}`,
    remedy:
      'Try again; if it stays like this, run `bd daemon stop --force`: nothing acknowledged is lost.',
    details,
  });
}
