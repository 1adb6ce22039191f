import { writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import type { CommandIo } from './cli/command-io.ts';
import { printFailure } from './cli/output/answer.ts';
import { selectCommandEnvironment } from './client/client-environment.ts';
import { readCommandLine, type CommandLine } from './client/command-line.ts';
import { takeHandover } from './client/handover.ts';
import { BdError, toBdError } from './core/errors.ts';
import type { WorkspacePlace } from './place/workspace-place.ts';
import { runClient, type ClientProcess, type Input } from './local/run-client.ts';

// Every call pays for what this file loads: see local/run-client.ts.

const handover = takeHandover(process.env);
const argv = process.argv.slice(2);
const line = readCommandLine(argv);

void main();

async function main(): Promise<void> {
  const io = createIo();
  try {
    process.exitCode = await runClient(argv, io, createProcess(io, line));
  } catch (error) {
    process.exitCode = printFailure(toBdError(error), io, { isJson: line.wantsJson });
  }
}

function watchStdout(): void {
  if (process.stdout.listenerCount('error') > 0) return;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has closed the pipe, as in `bd list | head`.
    if (error.code === 'EPIPE') process.exit(0);
    writeSync(2, `Error: cannot write the output: ${error.message}\n`);
    process.exit(1);
  });
}

function createIo(): CommandIo {
  const stdoutIsTty = isatty(1);
  return {
    get cwd() {
      return workingDirectory();
    },
    env: selectCommandEnvironment(process.env),
    stdoutIsTty,
    columns: stdoutIsTty ? process.stdout.columns : 0,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    async readStdin() {
      const stdin = openStdin();
      let text = '';
      for (;;) {
        const piece = await stdin.read();
        text += piece.text;
        if (piece.end) return text;
      }
    },
  };
}

function workingDirectory(): string {
  try {
    return resolve(line.directory ?? '.');
  } catch (cause) {
    // The directory was deleted.
    throw new BdError('NO_WORKSPACE', {
      message: 'the current directory is gone',
      remedy: 'Change to one that exists, or name the project with `--directory`.',
      cause,
    });
  }
}

/** Opened on first read: many commands run with an input that never ends. */
function openStdin(): Input {
  let pieces: AsyncIterator<string> | undefined;
  return {
    async read() {
      pieces ??= process.stdin.setEncoding('utf8')[Symbol.asyncIterator]() as AsyncIterator<string>;
      const next = await pieces.next();
      return next.done === true ? { text: '', end: true } : { text: next.value, end: false };
    },
    close() {
      if (pieces !== undefined) process.stdin.destroy();
    },
  };
}

function createProcess(io: CommandIo, { database }: CommandLine): ClientProcess {
  return {
    cwd: io.cwd,
    env: process.env,
    databaseFlag: database,
    handover,
    program: daemonProgram(),
    cliFile: join(import.meta.dirname, 'bd.js'),
    stdin: process.stdin,
    stdout: process.stdout,
    // The user has waited since this process began.
    sinceMs: 0,
    openStdin,
    watchStdout,
    serve: serveHere,
    interrupted,
  };
}

function interrupted(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort(signal));
  }
  return stop.signal;
}

async function serveHere(
  place: WorkspacePlace,
  { staysWhenIdle }: Parameters<ClientProcess['serve']>[1],
): Promise<number> {
  const { runDaemon } = await import('./daemon/lifecycle.ts');
  const { CRASH_EXIT_CODE, recordCrash } = await import('./daemon/crash.ts');
  const { systemClock } = await import('./platform/clock.ts');
  const { readableStack } = await import('./platform/source-stack.ts');
  process.on('uncaughtException', (error) => {
    recordCrash(place, error, { nowMs: systemClock.nowMs() });
    writeSync(2, `${readableStack(error)}\n`);
    process.exit(CRASH_EXIT_CODE);
  });
  return await runDaemon({
    place,
    env: process.env,
    clock: systemClock,
    program: daemonProgram().file,
    staysWhenIdle,
    stop: interrupted(),
    report(word) {
      if (word.kind === 'ready') writeSync(2, `Serving ${place.beadsDir}; Ctrl-C ends it\n`);
      if (word.kind === 'busy') writeSync(2, `Another process serves ${place.beadsDir} already\n`);
      if (word.kind === 'failed')
        writeSync(2, `Error: ${word.error.message}\n${word.error.remedy}\n`);
    },
  });
}

/** Beside this file, in the built program. */
function daemonProgram(): ClientProcess['program'] {
  return { file: join(import.meta.dirname, 'bd-daemon.js'), execPath: process.execPath };
}
