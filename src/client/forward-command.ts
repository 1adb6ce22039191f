import type { Socket } from 'node:net';
import { BdError } from '../core/errors.ts';
import { OUTPUT_HELD_MS, SILENCE_TIMEOUT_MS } from '../core/limits.ts';
import type { OutputParams, RunCommandParams, StdinPiece } from '../protocol/daemon-methods.ts';
import { THIS_CLIENT } from '../protocol/handshake.ts';
import {
  fromRpcError,
  readMessage,
  request,
  resultReply,
  type Incoming,
  type RpcId,
  type RpcOutcome,
} from '../protocol/messages.ts';
import { openMessageStream } from './message-stream.ts';

export interface CommandStreams {
  stdout(text: string): void;
  stderr(text: string): void;
  /** The next piece of standard input. */
  readStdin(): Promise<StdinPiece>;
}

export type Forwarded =
  | { kind: 'done'; exitCode: number }
  /** The daemon went away. Nothing was shown and no input taken: the command may run again under its key. */
  | { kind: 'again' };

/** A client that was itself suspended checks once more before it blames the daemon. */
export const SECOND_LOOK_MS = 500;

const COMMAND_ID = 1;

/** Unique in a workspace. */
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
    const names = nameCall(params.argv, daemon);
    new CommandCall(socket, streams, { ...names, done, fail }).send(params);
  });
}

/** The daemon and the command, for messages. */
interface CallNames {
  daemon: string;
  what: string;
}

interface Caller extends CallNames {
  done(forwarded: Forwarded): void;
  fail(error: unknown): void;
}

export function nameCall(argv: readonly string[], daemon: string): CallNames {
  return { daemon, what: `bd ${argv[0] ?? ''}`.trim() };
}

/** One command in a daemon, from its request to its exit code. */
class CommandCall {
  readonly #socket: Socket;
  readonly #send: (message: object) => void;
  readonly #streams: CommandStreams;
  readonly #output: HeldOutput;
  readonly #caller: Caller;
  #hasStarted = false;
  #hasTakenInput = false;
  #silence: NodeJS.Timeout | undefined;

  constructor(socket: Socket, streams: CommandStreams, caller: Caller) {
    this.#socket = socket;
    this.#send = openMessageStream(socket, {
      message: (value) => {
        this.#hasStarted = true;
        this.#awaitMessage();
        this.#handle(readMessage(value));
      },
      ended: (reason) => this.#repeat(lost(caller, reason)),
    });
    this.#streams = streams;
    this.#output = new HeldOutput(streams);
    this.#caller = caller;
  }

  send(params: RunCommandParams): void {
    // Silence ends this call a little later than that: the daemon never runs what was reported as not done.
    const expiresMs = Date.now() + SILENCE_TIMEOUT_MS;
    const command = { ...params, client: THIS_CLIENT, expires_ms: expiresMs };
    this.#send(request(COMMAND_ID, 'run_command', command));
    this.#awaitMessage();
  }

  #handle(message: Incoming): void {
    if (message.kind === 'notification' && message.method === 'output') {
      this.#output.add(message.params as OutputParams);
    } else if (message.kind === 'request') {
      this.#giveInput(message.id);
    } else if (message.kind === 'response') {
      this.#finish(message.outcome);
    }
  }

  #giveInput(id: RpcId): void {
    this.#hasTakenInput = true;
    this.#output.show();
    this.#streams.readStdin().then(
      (piece) => this.#send(resultReply(id, piece)),
      (error: unknown) => this.#end(() => this.#caller.fail(error)),
    );
  }

  #finish(outcome: RpcOutcome): void {
    if ('error' in outcome) {
      const error = fromRpcError(outcome.error);
      if (error.code === 'DAEMON_RETIRING') this.#repeat(error);
      else this.#fail(error);
      return;
    }
    const exitCode = readExitCode(outcome.result);
    this.#end(() => {
      this.#output.show();
      this.#caller.done({ kind: 'done', exitCode });
    });
  }

  /** The command may run again if it has had no effect that this process can see. */
  #repeat(error: BdError): void {
    if (this.#output.isShown || this.#hasTakenInput) return this.#fail(error);
    this.#end(() => {
      this.#output.drop();
      this.#caller.done({ kind: 'again' });
    });
  }

  #fail(error: BdError): void {
    this.#end(() => {
      this.#output.show();
      this.#caller.fail(error);
    });
  }

  #end(report: () => void): void {
    clearTimeout(this.#silence);
    this.#socket.destroy();
    report();
  }

  #awaitMessage(): void {
    clearTimeout(this.#silence);
    const giveUp = (): void => {
      this.#fail(silent(this.#caller, { hasStarted: this.#hasStarted }));
    };
    this.#silence = setTimeout(() => {
      this.#silence = setTimeout(giveUp, SECOND_LOOK_MS);
    }, SILENCE_TIMEOUT_MS);
  }
}

/**
 * Holds back the output of a short command until its end is known: if the daemon is lost before that, the
 * command can be sent again. The output of a longer one is shown as it comes.
 */
class HeldOutput {
  readonly #streams: CommandStreams;
  #held: OutputParams[] | undefined = [];
  #timer: NodeJS.Timeout | undefined;
  isShown = false;

  constructor(streams: CommandStreams) {
    this.#streams = streams;
  }

  add(piece: OutputParams): void {
    if (this.#held === undefined) return this.#write(piece);
    this.#held.push(piece);
    this.#timer ??= setTimeout(() => this.show(), OUTPUT_HELD_MS);
  }

  /** Shows what is held, and from now on everything at once. */
  show(): void {
    clearTimeout(this.#timer);
    for (const piece of this.#held ?? []) this.#write(piece);
    this.#held = undefined;
  }

  drop(): void {
    clearTimeout(this.#timer);
  }

  #write({ stream, text }: OutputParams): void {
    this.isShown = true;
    this.#streams[stream](text);
  }
}

function readExitCode(result: unknown): number {
  const { exit_code: exitCode } = { ...(result as { exit_code?: unknown } | undefined) };
  return typeof exitCode === 'number' ? exitCode : 70;
}

export function silent(
  { daemon, what }: CallNames,
  { hasStarted }: { hasStarted: boolean },
): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${daemon} said nothing for ${SILENCE_TIMEOUT_MS / 1000} s while \`${what}\` waited for it`,
    remedy: hasStarted
      ? 'The command may or may not have been done: look with `bd list` once the daemon answers again, or end it with `bd daemon stop --force`.'
      : 'It was not done. Try again; if it stays silent, run `bd daemon stop --force`: the next command starts a new one.',
  });
}

export function lost({ daemon, what }: CallNames, reason: string | undefined): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `${daemon} went away while it ran \`${what}\`${reason === undefined ? '' : `: ${reason}`}`,
    remedy:
      'The command may or may not have been done: look with `bd show` or `bd list`, then repeat it if need be.',
  });
}
