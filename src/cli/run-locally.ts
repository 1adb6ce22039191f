import { mkdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { refusesJoining, selectDirectEnvironment } from '../client/client-environment.ts';
import { connect } from '../client/connect.ts';
import { probeDaemons, readDaemonStatus, summariseHealth } from '../client/daemon-health.ts';
import { ensureDaemon } from '../client/ensure-daemon.ts';
import { bridgeMcp } from '../client/mcp-bridge.ts';
import { forget, readRegistry, registryPath } from '../client/registry.ts';
import { ask } from '../client/request.ts';
import type { DaemonProgram } from '../client/spawn-daemon.ts';
import { BdError } from '../core/errors.ts';
import { LOCK_WAIT_MS, STOP_TIMEOUT_MS } from '../core/limits.ts';
import { systemClock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { silentLog } from '../platform/log.ts';
import { findWorkspace } from '../platform/workspace-location.ts';
import { socketLinkPath } from '../platform/workspace-files.ts';
import type { InitOptions, InitReport } from '../workspace/initialise.ts';
import type { UninstallOptions, UninstallReport } from '../workspace/uninstall.ts';
import type { CommandIo } from './command-io.ts';
import { runLocalCommand } from './local-commands.ts';
import type { InitRequest, LocalServices, UninstallRequest } from './local-services.ts';

/** The client's process, as far as local commands use it. */
export interface ClientHost {
  cwd: string;
  /** All of it, not a command's selection. */
  env: Environment;
  /** The value of `--db`. */
  databaseFlag: string | undefined;
  program: DaemonProgram;
  stdin: Readable;
  stdout: Writable;
  /** Serves a workspace in this process until told to stop; returns the exit code. */
  serve(beadsDir: string): Promise<number>;
}

/**
 * Commands about daemons, `init`, `merge` and help; also every command that finds no workspace. What
 * needs the store is loaded by those only that use it: git runs `bd merge` for each file.
 */
export async function runLocally(
  argv: readonly string[],
  io: CommandIo,
  host: ClientHost,
): Promise<number> {
  return await runLocalCommand(argv, io, createLocalServices(io, host));
}

/**
 * What is to be done before a command runs: a clone whose issues nobody has joined is joined. False when
 * there is no workspace and none to be had.
 */
export async function prepareWorkspace(io: CommandIo, host: ClientHost): Promise<boolean> {
  const { env, cwd, databaseFlag } = host;
  const isNamed = [databaseFlag, env['BEADS_DB'], env['BEADS_DIR']].some(Boolean);
  const found = findWorkspace({ cwd, env, databaseFlag });
  if (isNamed || refusesJoining(env)) return found !== undefined;
  const { adoptClassicWorkspace, joinFreshClone } = await import('./fresh-clone.ts');
  const joining = {
    env,
    make: (directory: string, request: InitRequest, waitMs: number) =>
      makeWorkspace(request, { cwd: directory, env }, { waitMs }),
  };
  if (found === undefined) return await joinFreshClone(io, joining);
  await adoptClassicWorkspace(found.beadsDir, io, joining);
  return true;
}

function createLocalServices(io: CommandIo, host: ClientHost): LocalServices {
  const { env } = host;
  const listEntries = async () => await probeDaemons(await readRegistry(registryPath(env)));
  return {
    async startDaemon() {
      await prepareWorkspace(io, host);
      return await startDaemon(findHere(host), host);
    },
    stopDaemon: async () => await stopDaemon(findHere(host)),
    daemonStatus: async () => await readDaemonStatus(findHere(host)),
    async runDaemon() {
      await prepareWorkspace(io, host);
      return await host.serve(findHere(host));
    },
    listDaemons: listEntries,
    daemonsHealth: async () => summariseHealth(await listEntries()),
    bridgeMcp: async () =>
      await bridgeMcp({
        input: host.stdin,
        output: host.stdout,
        async connect() {
          await prepareWorkspace(io, host);
          return await connectOrStart(findHere(host), host);
        },
        hello: { cwd: host.cwd, ...actorOf(env) },
        say: (text) => io.stderr(text),
      }),
    async completeClone(request) {
      const { completeClone } = await import('../workspace/present-workspace.ts');
      return await completeClone({ ...request, ...placeOf(host) });
    },
    async previewCompletion(request) {
      const { previewCompletion } = await import('../workspace/present-workspace.ts');
      return await previewCompletion({ ...request, ...placeOf(host) });
    },
    initialise: async (request) => await makeWorkspace(request, host),
    async previewInit(request) {
      const { previewInit } = await import('../workspace/initialise.ts');
      return await previewInit(initOptions(request, host));
    },
    uninstall: async (request) => await removeWorkspace(request, host),
    async previewUninstall(request) {
      const { previewUninstall } = await import('../workspace/uninstall.ts');
      const options = uninstallOptions(request, host);
      const { status } = await readDaemonStatus(options.beadsDir);
      const report = await previewUninstall(options);
      return status === 'not_running' ? report : withDaemonStopped(report);
    },
    mergeFiles: async (paths) => {
      const { mergePaths } = await import('../workspace/merge-driver.ts');
      return await mergePaths(paths);
    },
  };
}

function findHere({ cwd, env, databaseFlag }: ClientHost): string {
  const found = findWorkspace({ cwd, env, databaseFlag });
  if (found !== undefined) return found.beadsDir;
  throw new BdError('NO_WORKSPACE', {
    message: 'no beads database found',
    remedy: `Run \`bd init\` in your project, or go there: nothing above ${cwd} has a .beads directory.`,
  });
}

async function startDaemon(beadsDir: string, host: ClientHost) {
  const before = await connect(beadsDir);
  const alreadyRunning = before.kind === 'connected';
  const socket = alreadyRunning ? before.socket : await connectOrStart(beadsDir, host);
  const { pid, version } = await ask(socket, 'daemon_status');
  return { pid, version, alreadyRunning };
}

async function connectOrStart(beadsDir: string, { program, env }: ClientHost): Promise<Socket> {
  const ensured = await ensureDaemon({ beadsDir, program, env });
  if (ensured.kind === 'connected') return ensured.socket;
  throw new BdError('DAEMON_UNAVAILABLE', {
    message: `a daemon cannot be reached from here: ${ensured.reason}`,
    remedy: 'Allow local sockets, or work without daemon: BEADS_NO_DAEMON=1.',
  });
}

/** Returns when the daemon has written everything and let go of the workspace. */
async function stopDaemon(beadsDir: string): Promise<{ stopped: boolean; pid?: number }> {
  const asked = await connect(beadsDir);
  if (asked.kind === 'absent') return { stopped: false };
  if (asked.kind !== 'connected') throw cannotStop(asked.reason);
  const { pid } = await ask(asked.socket, 'daemon_status');
  const again = await connect(beadsDir);
  if (again.kind === 'connected') await ask(again.socket, 'shutdown');
  const { takeWorkspace } = await import('./direct.ts');
  const lock = await takeWorkspace(beadsDir, { waitMs: STOP_TIMEOUT_MS });
  lock.release();
  return { stopped: true, pid };
}

function placeOf({ cwd, env }: Pick<ClientHost, 'cwd' | 'env'>) {
  return { directory: cwd, env: selectDirectEnvironment(env) };
}

function initOptions(request: InitRequest, host: Pick<ClientHost, 'cwd' | 'env'>): InitOptions {
  return { ...request, ...placeOf(host), clock: systemClock, log: silentLog };
}

async function makeWorkspace(
  request: InitRequest,
  host: Pick<ClientHost, 'cwd' | 'env'>,
  { waitMs }: { waitMs: number } = { waitMs: LOCK_WAIT_MS },
): Promise<InitReport> {
  const { initialise } = await import('../workspace/initialise.ts');
  const { refuseToInitialise } = await import('../workspace/present-workspace.ts');
  const { takeWorkspace } = await import('./direct.ts');
  const { cwd } = host;
  const options = initOptions(request, host);
  const beadsDir = join(cwd, '.beads');
  // Before anything is touched, and before a daemon that serves it would be waited for.
  refuseToInitialise(cwd, options);
  mkdirSync(beadsDir, { recursive: true });
  const lock = await takeWorkspace(beadsDir, { waitMs });
  try {
    return await initialise(options);
  } finally {
    lock.release();
  }
}

function uninstallOptions(request: UninstallRequest, host: ClientHost): UninstallOptions {
  const { env } = placeOf(host);
  return { ...request, beadsDir: findHere(host), env, clock: systemClock, log: silentLog };
}

async function removeWorkspace(
  request: UninstallRequest,
  host: ClientHost,
): Promise<UninstallReport> {
  const { uninstall } = await import('../workspace/uninstall.ts');
  const { takeWorkspace } = await import('./direct.ts');
  const options = uninstallOptions(request, host);
  const { beadsDir } = options;
  const { stopped } = await stopDaemon(beadsDir);
  const lock = await takeWorkspace(beadsDir, { waitMs: LOCK_WAIT_MS });
  try {
    const report = await uninstall(options);
    await forget(registryPath(host.env), socketLinkPath(beadsDir));
    return stopped ? withDaemonStopped(report) : report;
  } finally {
    lock.release();
  }
}

function withDaemonStopped<T extends UninstallReport>(report: T): T {
  return { ...report, changes: ['stopped the daemon', ...report.changes] };
}

function actorOf(env: Environment): { actor?: string } {
  const actor = env['BD_ACTOR'] || env['BEADS_ACTOR'];
  return actor === undefined || actor === '' ? {} : { actor };
}

function cannotStop(reason: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `cannot reach the daemon to stop it: ${reason}`,
    remedy: 'End its process yourself; `.beads/daemon.pid` has its number.',
  });
}
