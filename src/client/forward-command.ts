import type { Socket } from 'node:net';
import { BdError } from '../core/errors.ts';
import { SILENCE_TIMEOUT_MS } from '../core/limits.ts';
import { VERSION } from '../core/version.ts';
import type { OutputParams, RunCommandParams, StdinPiece } from '../protocol/daemon-methods.ts';
import { PROTOCOL } from '../protocol/handshake.ts';
import { fromRpcError, readMessage, request, resultReply } from '../protocol/messages.ts';
import { holdOutput } from './held-output.ts';
import { openMessageStream } from './message-stream.ts';

export interface CommandStreams {
  stdout(text: string): void;
  stderr(text: string): void;
  /** The next piece of standard input. */
  readStdin(): Promise<StdinPiece>;
}

export type Forwarded =
  | { kind: 'done'; exitCode: number }
  /** The daemon went away. Nothing was shown and no input taken: it may be done again under its key. */
  | { kind: 'again' };

/** A client that was itself stopped looks once more before it blames the daemon. */
const SECOND_LOOK_MS = 500;

const COMMAND_ID = 1;

/** No two commands of a workspace have the same. */
export function newCommandKey(): string {
  const parts = [process.pid, Date.now(), Math.floor(Math.random() * 2 ** 52)];
  return parts.map((part) => part.toString(36)).join('-');
}

/** Has the daemon run a command; rejects with `DAEMON_UNAVAILABLE` when it falls silent or is lost. */
export function forwardCommand(
  socket: Socket,
  params: RunCommandParams,
  { streams, daemon }: { streams: CommandStreams; daemon: string },
): Promise<Forwarded> {
  return new Promise((done, fail) => {
    const stream = openMessageStream(socket);
    const output = holdOutput(streams);
    const what = `bd ${params.argv[0] ?? ''}`.trim();
    let hasStarted = false;
    let hasTakenInput = false;
    let silence: NodeJS.Timeout | undefined;
    const settle = (finish: () => void): void => {
      clearTimeout(silence);
      socket.destroy();
      finish();
    };
    const give = (outcome: () => void): void =>
      settle(() => {
        output.show();
        outcome();
      });
    const repeat = (error: BdError): void => {
      if (output.isShown() || hasTakenInput) return give(() => fail(error));
      settle(() => {
        output.drop();
        done({ kind: 'again' });
      });
    };
    const listen = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        silence = setTimeout(
          () => give(() => fail(silent(daemon, what, { hasStarted }))),
          SECOND_LOOK_MS,
        );
      }, SILENCE_TIMEOUT_MS);
    };
    stream.read({
      message(value) {
        hasStarted = true;
        listen();
        const message = readMessage(value);
        if (message.kind === 'notification' && message.method === 'output') {
          output.add(message.params as OutputParams);
        } else if (message.kind === 'request') {
          hasTakenInput = true;
          output.show();
          void streams.readStdin().then(
            (piece) => stream.send(resultReply(message.id, piece)),
            (error: unknown) => settle(() => fail(error)),
          );
        } else if (message.kind === 'response') {
          const { outcome } = message;
          const error = 'error' in outcome ? fromRpcError(outcome.error) : undefined;
          if (error?.code === 'DAEMON_RETIRING') repeat(error);
          else if (error !== undefined) give(() => fail(error));
          else if ('result' in outcome) {
            give(() => done({ kind: 'done', exitCode: readExitCode(outcome.result) }));
          }
        }
      },
      ended: (reason) => repeat(lost(daemon, what, reason)),
    });
    // Silence ends this call a little later: the daemon never runs what was reported as not done.
    const expiresMs = Date.now() + SILENCE_TIMEOUT_MS;
    const client = { version: VERSION, protocol: [PROTOCOL.min, PROTOCOL.max] };
    stream.send(request(COMMAND_ID, 'run_command', { ...params, client, expires_ms: expiresMs }));
    listen();
  });
}

function readExitCode(result: unknown): number {
  const { exit_code: exitCode } = { ...(result as { exit_code?: unknown } | undefined) };
  return typeof exitCode === 'number' ? exitCode : 70;
}

function silent(daemon: string, what: string, { hasStarted }: { hasStarted: boolean }): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${daemon} said nothing for ${SILENCE_TIMEOUT_MS / 1000} s while \`${what}\` waited for it`,
    remedy: hasStarted
      ? 'The command may or may not have been done: look with `bd list` once the daemon answers again, or end it with `bd daemon stop --force`.'
      : 'It was not done. Try again; if it stays silent, run `bd daemon stop --force`: the next command starts a new one.',
  });
}

function lost(daemon: string, what: string, reason: string | undefined): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${daemon} went away while it ran \`${what}\`${reason === undefined ? '' : `: ${reason}`}`,
    remedy:
      'The command may or may not have been done: look with `bd show` or `bd list`, then repeat it if need be.',
  });
}
