import type { Socket } from 'node:net';
import { BdError, type ErrorCode } from '../core/errors.ts';
import { ANSWER_TIMEOUT_MS } from '../core/limits.ts';
import type { DaemonMethod, DaemonResult } from '../protocol/daemon-methods.ts';
import { fromRpcError, readMessage, request } from '../protocol/messages.ts';
import { openMessageStream } from './message-stream.ts';

/** Sends one request over a fresh connection, and closes it. */
export function ask<M extends Exclude<DaemonMethod, 'run_command'>>(
  socket: Socket,
  method: M,
  { params = {}, timeoutMs = ANSWER_TIMEOUT_MS }: { params?: object; timeoutMs?: number } = {},
): Promise<DaemonResult<M>> {
  return new Promise((done, fail) => {
    const settle = (finish: () => void): void => {
      clearTimeout(deadline);
      socket.destroy();
      finish();
    };
    const deadline = setTimeout(() => {
      const reason = `it said nothing for ${Math.ceil(timeoutMs / 1000)} s`;
      settle(() => fail(noAnswer('DAEMON_UNAVAILABLE', reason)));
    }, timeoutMs);
    const send = openMessageStream(socket, {
      message(value) {
        const message = readMessage(value);
        if (message.kind !== 'response') return;
        const { outcome } = message;
        settle(() => {
          if ('error' in outcome) fail(fromRpcError(outcome.error));
          // The daemon is the same program; a newer one adds members and removes none.
          else done(outcome.result as DaemonResult<M>);
        });
      },
      ended: (reason) =>
        settle(() => fail(noAnswer('CONNECTION_ENDED', reason ?? 'it ended the connection'))),
    });
    send(request(1, method, params));
  });
}

/** The answer; undefined when the daemon is ending. */
export async function unlessEnding<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    const isEnding =
      error instanceof BdError && ['DAEMON_RETIRING', 'CONNECTION_ENDED'].includes(error.code);
    if (isEnding) return undefined;
    throw error;
  }
}

function noAnswer(code: ErrorCode, reason: string): BdError {
  return new BdError(code, {
    message: `the daemon did not answer: ${reason}`,
    remedy:
      'Try again; if it stays like this, run `bd daemon stop --force`: nothing acknowledged is lost.',
  });
}
