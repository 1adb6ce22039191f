import { resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { CommandIo } from '../../src/cli/command-io.ts';
import { printFailure } from '../../src/cli/output/failure.ts';
import { daemonRefusedBy, selectCommandEnvironment } from '../../src/client/client-environment.ts';
import { isLocal, mayJoin, readCommandLine } from '../../src/client/command-line.ts';
import { connect } from '../../src/client/connect.ts';
import { forwardCommand, newCommandKey } from '../../src/client/forward-command.ts';
import { toBdError } from '../../src/core/errors.ts';
import type { ClientHost } from '../../src/local/client-host.ts';
import { runDirectly } from '../../src/local/direct.ts';
import { prepareWorkspace, runLocally } from '../../src/local/run-locally.ts';
import { findWorkspace, lacksProject } from '../../src/place/find-workspace.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { serveHere, type ServedHere } from './daemon-here.ts';
import { BD, type Run, type RunOptions, type TestWorkspace } from './test-workspace.ts';

export interface InProcessBd extends AsyncDisposable {
  run(argv: readonly string[], options?: RunOptions): Promise<Run>;
}

/** Runs command lines as `src/bd.ts` does, in this process, and so does the daemon that they need. */
export function createInProcessBd({
  directory,
  env,
}: Pick<TestWorkspace, 'directory' | 'env'>): InProcessBd {
  const daemons: ServedHere[] = [];

  const findDaemon = async (beadsDir: string, given: RunOptions['env']) => {
    const found = await connect(beadsDir);
    if (found.kind === 'connected' || daemonRefusedBy({ ...given }) !== undefined) return found;
    daemons.push(await serveHere(beadsDir, { env, clock: systemClock }));
    return await connect(beadsDir);
  };

  const perform = async (argv: readonly string[], io: CommandIo, host: ClientHost) => {
    const line = readCommandLine(argv);
    if (isLocal(line)) return await runLocally(argv, io, host);
    const found = findWorkspace(host);
    const joins = mayJoin(line) && (found === undefined || lacksProject(found));
    if (joins) await prepareWorkspace(io, host);
    const { beadsDir } = findWorkspace(host) ?? {};
    if (beadsDir === undefined) return await runLocally(argv, io, host);
    const daemon = await findDaemon(beadsDir, host.env);
    if (daemon.kind !== 'connected')
      return await runDirectly(argv, io, { beadsDir, env: host.env });
    const { cwd, columns } = io;
    const forwarded = await forwardCommand(
      daemon.socket,
      {
        argv: [...argv],
        cwd,
        env: selectCommandEnvironment(host.env),
        stdout_tty: false,
        columns,
        key: newCommandKey(),
      },
      {
        streams: { ...io, readStdin: async () => ({ text: await io.readStdin(), end: true }) },
        daemon: `the daemon of ${beadsDir}`,
      },
    );
    if (forwarded.kind === 'again') throw new Error(`the daemon ended during ${argv.join(' ')}`);
    return forwarded.exitCode;
  };

  return {
    async run(argv, { stdin = '', env: more, cwd = directory } = {}) {
      const output = { stdout: '', stderr: '' };
      const { directory: named = '.', database, wantsJson } = readCommandLine(argv);
      const given = { ...env, ...more };
      const io: CommandIo = {
        cwd: resolve(cwd, named),
        env: selectCommandEnvironment(given),
        stdoutIsTty: false,
        columns: 0,
        stdout: (text) => (output.stdout += text),
        stderr: (text) => (output.stderr += text),
        readStdin: () => Promise.resolve(stdin),
      };
      const host: ClientHost = {
        cwd: io.cwd,
        env: given,
        databaseFlag: database,
        program: { file: BD, execPath: process.execPath },
        cliFile: BD,
        stdin: Readable.from([stdin]),
        stdout: new Writable({
          write(chunk, _encoding, done) {
            io.stdout(String(chunk));
            done();
          },
        }),
        serve: () => Promise.reject(new Error('this is for processes to do')),
        interrupted: () => new AbortController().signal,
      };
      const exitCode = await perform(argv, io, host).catch((error: unknown) =>
        printFailure(toBdError(error), io, { isJson: wantsJson }),
      );
      return { exitCode, ...output };
    },
    async [Symbol.asyncDispose]() {
      for (const { stop } of daemons) stop.abort('the test is over');
      await Promise.all(daemons.map(({ ended }) => ended));
    },
  };
}
