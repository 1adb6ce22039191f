import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { FleetServices } from '../cli/local-services.ts';
import { workspaceOf, type DaemonHealth } from '../client/daemon-health.ts';
import { describeDaemon, reportHealth, type WorkspaceCondition } from '../client/daemon-report.ts';
import { findDaemons, findFleet, isRunning } from '../client/fleet.ts';
import { registryPath, unregister } from '../client/registry.ts';
import { stopDaemon } from '../client/stop-daemon.ts';
import { BdError, toBdError } from '../core/errors.ts';
import { findWorkspace } from '../place/find-workspace.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Environment } from '../platform/environment.ts';
import { freeSpace } from '../platform/file-system.ts';
import type { ClientHost } from './client-host.ts';
import { startDaemon } from './start-daemon.ts';

export function createFleetServices(host: ClientHost): FleetServices {
  const { env, cwd, program } = host;
  const find = async (target: string): Promise<DaemonHealth[]> =>
    (await findFleet(env)).filter((daemon) => isMeant(daemon, target, cwd));
  return {
    async listDaemons({ keepsGone }) {
      const daemons = await findFleet(env);
      if (!keepsGone) {
        for (const daemon of daemons.filter((each) => !isRunning(each))) await forget(daemon, env);
      }
      return daemons.map(describeDaemon);
    },
    async daemonsHealth(place) {
      const daemons = await (place === undefined ? findFleet(env) : findDaemons(place, env));
      const { lookAtWorkspaceStore } = await import('../workspace/checkup/issues.ts');
      return reportHealth(daemons, (daemon) => lookAround(daemon, lookAtWorkspaceStore));
    },
    async stopOne(target, how) {
      const daemons = await find(target);
      const [named] = daemons;
      if (named === undefined) {
        return { workspace: locate(target, cwd).projectDir, stopped: false };
      }
      const [first] = await stopRunning(daemons, how);
      for (const daemon of daemons) await forget(daemon, env);
      return { workspace: workspaceOf(named), pid: first?.pid, stopped: first !== undefined };
    },
    async restartOne(target, how) {
      const daemons = await find(target);
      const stopped = await stopRunning(daemons, how);
      const place = daemons[0]?.place ?? locate(target, cwd);
      const { pid, version } = await startDaemon({ place, program, env });
      const action = stopped.length > 0 ? 'restarted' : 'started';
      return { workspace: place.projectDir, action, pid, version };
    },
    stopAll: (how) => stopAll(env, how),
    async locateDaemon(target) {
      const [daemon] = await find(target);
      return daemon?.place ?? locate(target, cwd);
    },
  };
}

async function stopAll(env: Environment, how: { isForced: boolean }) {
  const running = (await findFleet(env)).filter(isRunning);
  const ends = await Promise.all(
    running.map(async (daemon) => {
      try {
        await stopDaemon(daemon, how);
        await forget(daemon, env);
        return [];
      } catch (error) {
        const { message } = toBdError(error);
        return [{ workspace: workspaceOf(daemon), pid: daemon.pid ?? null, error: message }];
      }
    }),
  );
  const failures = ends.flat();
  return { stopped: running.length - failures.length, failed: failures.length, failures };
}

/** Stops those that run, and returns them. */
async function stopRunning(
  daemons: readonly DaemonHealth[],
  how: { isForced: boolean },
): Promise<DaemonHealth[]> {
  const running = daemons.filter(isRunning);
  for (const daemon of running) await stopDaemon(daemon, how);
  return running;
}

/** Removes the daemon's entry from the registry. */
async function forget({ registered }: DaemonHealth, env: Environment): Promise<void> {
  if (registered !== undefined) await unregister(registryPath(env), registered);
}

function isMeant(daemon: DaemonHealth, target: string, cwd: string): boolean {
  if (/^\d+$/.test(target)) return daemon.pid === Number(target);
  const paths = [resolve(cwd, target), realPath(resolve(cwd, target))];
  return [workspaceOf(daemon), daemon.place?.beadsDir].some(
    (path) => path !== undefined && paths.includes(path),
  );
}

/** A workspace without a known daemon. */
function locate(target: string, cwd: string): WorkspacePlace {
  const path = resolve(cwd, target);
  const found =
    !/^\d+$/.test(target) && existsSync(path) ? findWorkspace({ cwd: path, env: {} }) : undefined;
  if (found !== undefined) return found;
  throw new BdError('NO_WORKSPACE', {
    message: `no daemon and no workspace is known as ${target}`,
    remedy: 'Name one by its directory or its PID; `bd daemons list` shows them.',
  });
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function lookAround(
  { place }: DaemonHealth,
  lookAtStore: (place: WorkspacePlace) => { kind: string; problem?: string },
): WorkspaceCondition {
  if (place === undefined || !existsSync(place.beadsDir)) return {};
  const look = lookAtStore(place);
  const storeDamage = look.kind === 'damaged' ? `its store is damaged: ${look.problem}` : undefined;
  return { storeDamage, disk: freeSpace(place.beadsDir) };
}
