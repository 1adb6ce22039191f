import { resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { CommandIo } from '../../src/cli/command-io.ts';
import { printFailure } from '../../src/cli/output/answer.ts';
import { daemonRefusedBy, selectCommandEnvironment } from '../../src/client/client-environment.ts';
import { isLocal, readCommandLine } from '../../src/client/command-line.ts';
import { connect, connectTo } from '../../src/client/connect.ts';
import { forwardCommand, newCommandKey } from '../../src/client/forward-command.ts';
import { toBdError } from '../../src/core/errors.ts';
import { CONNECT_TIMEOUT_MS } from '../../src/core/limits.ts';
import { runClient, type ClientProcess } from '../../src/local/run-client.ts';
import { findWorkspace } from '../../src/place/find-workspace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { serveHere, type ServedHere } from './daemon-here.ts';
import { BD, DAEMON, type RunBd, type RunOptions } from './test-workspace.ts';

interface Surroundings {
  directory: string;
  env: Readonly<Record<string, string>>;
}

/** `bd` without a process of its own; the daemons that it starts are the built ones. */
export function createInProcessBd({ directory, env }: Surroundings): RunBd {
  return async (argv, options = {}) => {
    const output = { stdout: '', stderr: '' };
    const given = { ...env, ...options.env };
    const io = createIo(argv, output, { cwd: directory, ...options, env: given });
    try {
      const exitCode = await runClient(argv, io, createProcess(argv, io, given, options));
      return { exitCode, ...output };
    } catch (error) {
      const { wantsJson: isJson } = readCommandLine(argv);
      return { exitCode: printFailure(toBdError(error), io, { isJson }), ...output };
    }
  };
}

export interface BdWithDaemonHere extends AsyncDisposable {
  run: RunBd;
}

/** The same with a daemon in this process, from the first command on that needs one. */
export function createBdWithDaemonHere({ directory, env }: Surroundings): BdWithDaemonHere {
  const bd = createInProcessBd({ directory, env });
  const daemons: ServedHere[] = [];
  return {
    async run(argv, options = {}) {
      const given = { ...env, ...options.env };
      const place = isLocal(readCommandLine(argv))
        ? undefined
        : findWorkspace({ cwd: directory, env: given });
      if (place !== undefined && daemonRefusedBy(given) === undefined) {
        const found = await connect(place);
        if (found.kind === 'connected') found.socket.destroy();
        else daemons.push(await serveHere(place.beadsDir, { env, clock: systemClock }));
      }
      return await bd(argv, options);
    },
    async [Symbol.asyncDispose]() {
      for (const { stop } of daemons) stop.abort('the test is over');
      await Promise.all(daemons.map(({ ended }) => ended));
    },
  };
}

/** `bd` that forwards each command to the daemon of a workspace that only other processes see. */
export function createForwardingBd(socketPath: string, { directory, env }: Surroundings): RunBd {
  return async (argv) => {
    const output = { stdout: '', stderr: '' };
    const io = createIo(argv, output, { cwd: directory, env });
    try {
      const connection = await connectTo(socketPath, { timeoutMs: CONNECT_TIMEOUT_MS });
      if (connection.kind !== 'connected') throw new Error(`${socketPath}: ${connection.kind}`);
      const forwarded = await forwardCommand(
        connection.socket,
        {
          argv: [...argv],
          cwd: directory,
          env: selectCommandEnvironment(env),
          stdout_tty: false,
          columns: 0,
          key: newCommandKey(),
        },
        {
          streams: { ...io, readStdin: () => Promise.resolve({ text: '', end: true }) },
          daemon: socketPath,
        },
      );
      if (forwarded.kind === 'again') throw new Error(`the daemon at ${socketPath} went away`);
      return { exitCode: forwarded.exitCode, ...output };
    } catch (error) {
      const { wantsJson: isJson } = readCommandLine(argv);
      return { exitCode: printFailure(toBdError(error), io, { isJson }), ...output };
    }
  };
}

function createIo(
  argv: readonly string[],
  output: { stdout: string; stderr: string },
  { env, cwd, stdin = '' }: RunOptions & { env: NodeJS.ProcessEnv; cwd: string },
): CommandIo {
  return {
    cwd: resolve(cwd, readCommandLine(argv).directory ?? '.'),
    env: selectCommandEnvironment(env),
    stdoutIsTty: false,
    columns: 0,
    stdout: (text) => (output.stdout += text),
    stderr: (text) => (output.stderr += text),
    readStdin: () => Promise.resolve(stdin),
  };
}

function createProcess(
  argv: readonly string[],
  io: CommandIo,
  env: NodeJS.ProcessEnv,
  { stdin = '' }: RunOptions,
): ClientProcess {
  return {
    cwd: io.cwd,
    env,
    databaseFlag: readCommandLine(argv).database,
    handover: undefined,
    program: { file: DAEMON, execPath: process.execPath },
    cliFile: BD,
    sinceMs: performance.now(),
    stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]),
    stdout: new Writable({
      write(chunk, _encoding, done) {
        io.stdout(String(chunk));
        done();
      },
    }),
    openStdin: () => ({ read: () => Promise.resolve({ text: stdin, end: true }), close() {} }),
    watchStdout() {},
    serve: () => Promise.reject(new Error('only a process serves')),
    interrupted: () => new AbortController().signal,
  };
}
