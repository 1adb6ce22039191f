import { BdError } from '../core/errors.ts';
import { HEARTBEAT_INTERVAL_MS, STDIN_CHARS_MAX, STREAM_CHUNK_CHARS } from '../core/limits.ts';
import type { CommandIo } from '../cli/command-io.ts';
import type {
  OutputParams,
  RunCommandParams,
  RunCommandResult,
  StdinPiece,
} from '../protocol/daemon-methods.ts';
import { METHODS, type Call, type CallOptions } from '../protocol/methods.ts';
import type { Caller } from '../rpc/connection.ts';
import { createWorkspaceCall } from './workspace-module.ts';
import type { ServingContext } from './server.ts';

/** Runs a command line for a client: its directory, its terminal's width, its standard input. */
export async function runCommandFor(
  caller: Caller,
  params: RunCommandParams,
  context: ServingContext,
): Promise<RunCommandResult> {
  const { clock, server } = context;
  // A daemon that was stopped for a while finds commands whose clients have reported a failure.
  if (params.expires_ms !== undefined && clock.nowMs() > params.expires_ms) throw expired();
  // The client knows from this that its command was read, and must not be sent again.
  const beat = (): void => void caller.notify('heartbeat', {});
  beat();
  const beating = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  try {
    const { runCommand } = await import('../cli/execute.ts');
    const watched = watchLoss(createWorkspaceCall(context, params));
    const exitCode = await runCommand(
      params.argv,
      createIo(caller, params),
      (method, given, options) => watched.call(method, given, withSignal(caller, options)),
    );
    // What a cancelled command printed since was not sent.
    caller.signal.throwIfAborted();
    if (watched.isForTheNext()) throw server.admission.decline('the workspace was replaced');
    return { exit_code: exitCode };
  } finally {
    clearInterval(beating);
  }
}

/** The signal is asked for at its first use only: few methods look at theirs. */
function withSignal(caller: Caller, options: CallOptions = {}): CallOptions {
  return {
    ...options,
    get signal() {
      return caller.signal;
    },
  };
}

const LOSSES: ReadonlySet<string> = new Set(['LOCK_UNAVAILABLE', 'DAEMON_RETIRING']);

export function watchLoss(call: Call) {
  let hasChanged = false;
  let isLost = false;
  const watched: Call = async (method, params, options) => {
    try {
      const result = await call(method, params, options);
      hasChanged ||= METHODS[method].effect !== 'read';
      return result;
    } catch (error) {
      isLost ||= error instanceof BdError && LOSSES.has(error.code);
      throw error;
    }
  };
  return {
    call: watched,
    /** This daemon lost the workspace before the command changed anything, so the next daemon can run all of it. */
    isForTheNext: () => isLost && !hasChanged,
  };
}

function createIo(caller: Caller, params: RunCommandParams): CommandIo {
  const print = (stream: OutputParams['stream'], text: string): void => {
    for (const piece of cut(text)) {
      void caller.notify('output', { stream, text: piece } satisfies OutputParams);
    }
  };
  return {
    cwd: params.cwd,
    env: params.env ?? {},
    stdoutIsTty: params.stdout_tty ?? false,
    columns: params.columns ?? 0,
    stdout: (text) => print('stdout', text),
    stderr: (text) => print('stderr', text),
    readStdin: () => readStdin(caller),
  };
}

async function readStdin(caller: Caller): Promise<string> {
  let text = '';
  for (;;) {
    const piece = (await caller.call('read_stdin', {})) as StdinPiece;
    text += piece.text;
    if (piece.end) return text;
    if (text.length > STDIN_CHARS_MAX) throw tooMuch();
  }
}

/** Never between the halves of a character outside the basic plane: each piece is encoded alone. */
function* cut(text: string): Iterable<string> {
  let start = 0;
  while (start < text.length) {
    let end = Math.min(start + STREAM_CHUNK_CHARS, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    yield text.slice(start, end);
    start = end;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function expired(): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: 'the daemon read this command after its client had given up, and did not run it',
    remedy: 'Run it again.',
  });
}

function tooMuch(): BdError {
  return new BdError('LIMIT_EXCEEDED', {
    message: `standard input has more than ${STDIN_CHARS_MAX} characters`,
    remedy: 'Put it into a file and name that, as in `bd import -i issues.jsonl`.',
  });
}
