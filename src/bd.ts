import { writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isatty } from 'node:tty';
import type { ClientHost } from './local/client-host.ts';
import type { CommandIo } from './cli/command-io.ts';
import { printFailure } from './cli/output/failure.ts';
import type { Reached } from './local/reach-daemon.ts';
import { daemonRefusedBy, selectCommandEnvironment } from './client/client-environment.ts';
import { isLocal, mayJoin, readCommandLine, type CommandLine } from './client/command-line.ts';
import { connect, type Connected, type Connection } from './client/connect.ts';
import { forwardCommand, newCommandKey, type Forwarded } from './client/forward-command.ts';
import { BdError, toBdError } from './core/errors.ts';
import { COMMAND_REPEATS_MAX } from './core/limits.ts';
import { readDaemonPid } from './place/workspace-files.ts';
import { findWorkspace, lacksProject } from './place/find-workspace.ts';
import type { StdinPiece } from './protocol/daemon-methods.ts';

// The way of almost every call: find the socket, send the command line, print what comes back. All
// that is not needed for that is behind import(), as each module costs every call its loading time.

const argv = process.argv.slice(2);
const line = readCommandLine(argv);

void main();

async function main(): Promise<void> {
  const io = createIo();
  try {
    process.exitCode = await run(io);
  } catch (error) {
    process.exitCode = printFailure(toBdError(error), io, { isJson: line.wantsJson });
  }
}

async function run(io: CommandIo): Promise<number> {
  if (isLocal(line)) return await runHere(io);
  const { database: databaseFlag } = line;
  const find = () => findWorkspace({ cwd: io.cwd, env: process.env, databaseFlag });
  const location = find() ?? ((await prepare(io)) ? find() : undefined);
  if (location === undefined) return await runHere(io);
  const { beadsDir } = location;
  const connection = await connect(beadsDir);
  if (connection.kind === 'absent' && lacksProject(location)) await prepare(io);
  const key = newCommandKey();
  let attempts = 0;
  let reached = await reach(beadsDir, connection);
  while (reached.kind === 'connected' && attempts <= COMMAND_REPEATS_MAX) {
    const forwarded = await forward(reached, { beadsDir, key }, io);
    if (forwarded.kind === 'done') return forwarded.exitCode;
    attempts += 1;
    reached = await reach(beadsDir, await connect(beadsDir));
  }
  if (reached.kind === 'connected') reached.socket.destroy();
  watchStdout();
  const { runDirectly } = await import('./local/direct.ts');
  return await runDirectly(argv, io, {
    beadsDir,
    env: process.env,
    lockTimeout: line.lockTimeout,
    failure: reached.kind === 'none' ? reached.failure : undefined,
    // A daemon that went away may have done it already.
    key: attempts === 0 ? undefined : key,
  });
}

/** Whether there is a workspace then; only on the way of a command that finds no daemon running. */
async function prepare(io: CommandIo): Promise<boolean> {
  if (!mayJoin(line)) return false;
  const { isCommandName } = await import('./cli/program.ts');
  if (!isCommandName(line.command ?? '')) return false;
  const { prepareWorkspace } = await import('./local/run-locally.ts');
  return await prepareWorkspace(io, createHost(io, line));
}

/** The daemon that was found, or else one that is started where that is wanted and allowed. */
async function reach(beadsDir: string, found: Connection): Promise<Reached> {
  if (found.kind === 'connected') return found;
  const mayStart = !line.refusesDaemon && daemonRefusedBy(process.env) === undefined;
  if (!mayStart || found.kind === 'forbidden') return { kind: 'none' };
  const { reachDaemon } = await import('./local/reach-daemon.ts');
  const start = { beadsDir, program: daemonProgram(), env: process.env };
  // Its person waits since this process began.
  return await reachDaemon(start, { sinceMs: 0 });
}

async function forward(
  { socket }: Connected,
  { beadsDir, key }: { beadsDir: string; key: string },
  io: CommandIo,
): Promise<Forwarded> {
  const stdin = openStdin();
  try {
    const forwarding = forwardCommand(
      socket,
      {
        argv: [...argv],
        cwd: io.cwd,
        env: { ...selectCommandEnvironment(process.env) },
        stdout_tty: io.stdoutIsTty,
        columns: io.columns,
        key,
      },
      {
        streams: {
          stdout: (text) => io.stdout(text),
          stderr: (text) => io.stderr(text),
          readStdin: async () => await stdin.read(),
        },
        daemon: `the daemon of ${beadsDir} (process ${readDaemonPid(beadsDir) ?? 'unknown'})`,
      },
    );
    // Made ready while the daemon works.
    watchStdout();
    return await forwarding;
  } finally {
    stdin.close();
  }
}

function watchStdout(): void {
  if (process.stdout.listenerCount('error') > 0) return;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough, as in `bd list | head`.
    if (error.code === 'EPIPE') process.exit(0);
    writeSync(2, `Error: cannot write the output: ${error.message}\n`);
    process.exit(1);
  });
}

async function runHere(io: CommandIo): Promise<number> {
  watchStdout();
  const { runLocally } = await import('./local/run-locally.ts');
  return await runLocally(argv, io, createHost(io, line));
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
    // Somebody deleted it: the system has no name for it any more.
    throw new BdError('NO_WORKSPACE', {
      message: 'the current directory is gone',
      remedy: 'Go to one that exists, or name the project with `--directory`.',
      cause,
    });
  }
}

/** Opened when a command asks for it: many are run with an input that never ends. */
function openStdin(): { read(): Promise<StdinPiece>; close(): void } {
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

function createHost(io: CommandIo, { database }: CommandLine): ClientHost {
  return {
    cwd: io.cwd,
    env: process.env,
    databaseFlag: database,
    program: daemonProgram(),
    cliFile: join(import.meta.dirname, 'bd.js'),
    stdin: process.stdin,
    stdout: process.stdout,
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
  beadsDir: string,
  { staysWhenIdle }: Parameters<ClientHost['serve']>[1],
): Promise<number> {
  const { runDaemon } = await import('./daemon/lifecycle.ts');
  const { CRASH_EXIT_CODE, recordCrash } = await import('./daemon/crash.ts');
  const { systemClock } = await import('./platform/clock.ts');
  const { openPlace } = await import('./place/workspace-place.ts');
  const place = openPlace(beadsDir);
  process.on('uncaughtException', (error) => {
    recordCrash(place, error, { nowMs: systemClock.nowMs() });
    writeSync(2, `${error.stack ?? String(error)}\n`);
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
      if (word.kind === 'ready') writeSync(2, `Serving ${beadsDir}; Ctrl-C ends it\n`);
      if (word.kind === 'busy') writeSync(2, `Another process serves ${beadsDir} already\n`);
      if (word.kind === 'failed')
        writeSync(2, `Error: ${word.error.message}\n${word.error.remedy}\n`);
    },
  });
}

/** Beside this file, in the built program. */
function daemonProgram(): ClientHost['program'] {
  return { file: join(import.meta.dirname, 'bd-daemon.js'), execPath: process.execPath };
}
