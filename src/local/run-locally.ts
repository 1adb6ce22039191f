import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { refusesJoining, selectDirectEnvironment } from '../client/client-environment.ts';
import { statusFrom } from '../client/daemon-status.ts';
import { probeDaemon } from '../client/probe-daemon.ts';
import { forget, registryPath } from '../client/registry.ts';
import { stopDaemonsOf } from '../client/stop-daemon.ts';
import { LOCK_WAIT_MS } from '../core/limits.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { findWorkspace } from '../place/find-workspace.ts';
import { socketLinkPath } from '../place/workspace-files.ts';
import { openPlace } from '../place/workspace-place.ts';
import type { InitOptions } from '../workspace/init/init-plan.ts';
import type { InitPreview, InitReport } from '../workspace/init/initialise.ts';
import type { UninstallOptions, UninstallReport } from '../workspace/init/uninstall.ts';
import { findHere, type ClientHost } from './client-host.ts';
import type { CommandIo } from '../cli/command-io.ts';
import { createDaemonServices } from './daemon-services.ts';
import { createFleetServices } from './fleet-services.ts';
import { runLocalCommand } from './local-commands.ts';
import type { InitRequest, LocalServices, UninstallRequest } from '../cli/local-services.ts';
import { serveMcp } from './serve-mcp.ts';
import { createServiceInstaller, removeService } from './service/service-installer.ts';

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
  const preparation = { prepare: () => prepareWorkspace(io, host) };
  return {
    ...createFleetServices(host),
    ...createDaemonServices(host, preparation),
    ...createServiceInstaller(host),
    serveMcp: () => serveMcp(io, host, preparation),
    async examine(directory) {
      const { examine } = await import('./examine.ts');
      return await examine(host, directory);
    },
    async completeClone(request) {
      const { completeClone } = await import('../workspace/init/present-workspace.ts');
      return await completeClone({ ...request, ...placeOf(host) });
    },
    initialise: async (request) =>
      request.isDryRun === true
        ? await previewInit(request, host)
        : await makeWorkspace(request, host),
    uninstall: async (request) =>
      request.isDryRun
        ? await previewUninstall(request, host)
        : await removeWorkspace(request, host),
    mergeFiles: async (paths) => {
      const { mergePaths } = await import('../workspace/merge-driver.ts');
      return await mergePaths(paths);
    },
  };
}

function placeOf({ cwd, env }: Pick<ClientHost, 'cwd' | 'env'>) {
  return { directory: cwd, env: selectDirectEnvironment(env) };
}

function initOptions(request: InitRequest, host: Pick<ClientHost, 'cwd' | 'env'>): InitOptions {
  const { isDryRun: _isDryRun, ...options } = request;
  return { ...options, ...placeOf(host), clock: systemClock, log: silentLog };
}

async function previewInit(request: InitRequest, host: ClientHost): Promise<InitPreview> {
  const { initialise } = await import('../workspace/init/initialise.ts');
  return await initialise({ ...initOptions(request, host), isDryRun: true });
}

async function makeWorkspace(
  request: InitRequest,
  host: Pick<ClientHost, 'cwd' | 'env'>,
  { waitMs }: { waitMs: number } = { waitMs: LOCK_WAIT_MS },
): Promise<InitReport> {
  const { initialise } = await import('../workspace/init/initialise.ts');
  const { refuseToInitialise } = await import('../workspace/init/present-workspace.ts');
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
  const place = openPlace(findHere(host));
  return { ...request, place, env, clock: systemClock, log: silentLog };
}

async function previewUninstall(
  request: UninstallRequest,
  host: ClientHost,
): Promise<UninstallReport> {
  const { uninstall } = await import('../workspace/init/uninstall.ts');
  const options = uninstallOptions(request, host);
  const { beadsDir } = options.place;
  const { status } = statusFrom(beadsDir, await probeDaemon(beadsDir));
  const report = await uninstall(options);
  return status === 'not_running' ? report : withDaemonStopped(report);
}

async function removeWorkspace(
  request: UninstallRequest,
  host: ClientHost,
): Promise<UninstallReport> {
  const { uninstall } = await import('../workspace/init/uninstall.ts');
  const { takeWorkspace } = await import('./direct.ts');
  const options = uninstallOptions(request, host);
  const { beadsDir } = options.place;
  // What was started at the login for a workspace goes with it.
  const removed = await removeService(beadsDir, host);
  const service = removed === undefined ? [] : [`removed the service ${removed.path}`];
  const { stopped } = await stopDaemonsOf(beadsDir, { env: host.env });
  const lock = await takeWorkspace(beadsDir, { waitMs: LOCK_WAIT_MS });
  try {
    const report = await uninstall(options);
    await forget(registryPath(host.env), socketLinkPath(beadsDir));
    const changes = [...service, ...(stopped ? ['stopped the daemon'] : []), ...report.changes];
    return { ...report, changes };
  } finally {
    lock.release();
  }
}

function withDaemonStopped(report: UninstallReport): UninstallReport {
  return { ...report, changes: ['stopped the daemon', ...report.changes] };
}
