import { existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findDaemons, findFleet, workspaceOf, type FleetMember } from '../client/fleet.ts';
import { registryPath, unregister } from '../client/registry.ts';
import { stopDaemon } from '../client/stop-daemon.ts';
import { BdError, toBdError } from '../core/errors.ts';
import { freeSpace } from '../platform/file-system.ts';
import { findWorkspace } from '../place/find-workspace.ts';
import { WorkspacePlace } from '../place/workspace-place.ts';
import type { ClientHost } from './client-host.ts';
import {
  describeMember,
  reportHealth,
  type DaemonEntry,
  type HealthReport,
  type Surroundings,
} from './fleet-report.ts';
import { startDaemon } from './start-daemon.ts';

/** What commands about all of a user's daemons need from the client's own process. */
export interface FleetServices {
  /** Every daemon, living or not; forgets those that are gone, unless told to keep them. */
  listDaemons(options: { keepsGone: boolean }): Promise<DaemonEntry[]>;
  /** Of all, or of the one of this workspace. */
  daemonsHealth(beadsDir?: string): Promise<HealthReport>;
  /** `target` is a workspace's path or a daemon's pid, here and below. */
  stopOne(target: string, options: { isForced: boolean }): Promise<StoppedDaemon>;
  restartOne(target: string, options: { isForced: boolean }): Promise<RestartedDaemon>;
  stopAll(options: { isForced: boolean }): Promise<StoppedFleet>;
  /** The `.beads` of a daemon whose log is asked for. */
  locateDaemon(target: string): Promise<string>;
}

export interface StoppedDaemon {
  workspace: string;
  /** Absent when none was running. */
  pid?: number;
  stopped: boolean;
}

export interface RestartedDaemon {
  workspace: string;
  action: 'restarted' | 'started';
  pid: number;
  version: string;
}

export interface StoppedFleet {
  stopped: number;
  failed: number;
  failures: { workspace: string; pid: number | null; error: string }[];
}

export function createFleetServices(host: ClientHost): FleetServices {
  const { env, cwd } = host;
  const registry = registryPath(env);
  const forgetGone = async ({ registered }: FleetMember): Promise<void> => {
    if (registered !== undefined) await unregister(registry, registered);
  };
  const find = async (target: string): Promise<FleetMember[]> =>
    (await findFleet(env)).filter((member) => isMeant(member, target, cwd));
  return {
    async listDaemons({ keepsGone }) {
      const members = await findFleet(env);
      if (!keepsGone) {
        for (const member of members.filter(({ health }) => health === 'stale')) {
          await forgetGone(member);
        }
      }
      return members.map(describeMember);
    },
    async daemonsHealth(beadsDir) {
      const members = await (beadsDir === undefined ? findFleet(env) : findDaemons(beadsDir, env));
      const { lookAtWorkspaceStore } = await import('../workspace/checkup/store.ts');
      return reportHealth(members, ({ beadsDir: at }) =>
        lookAround(at, (of) => lookAtWorkspaceStore(new WorkspacePlace(of))),
      );
    },
    async stopOne(target, options) {
      const members = await find(target);
      const running = members.filter(({ health }) => health !== 'stale');
      if (members.length === 0) return { workspace: locate(target, cwd).project, stopped: false };
      for (const member of running) await stopDaemon(member, options);
      for (const member of members) await forgetGone(member);
      const [first] = running;
      const workspace = members.map(workspaceOf)[0] ?? '';
      const pid = first?.pid;
      return { workspace, ...(pid === undefined ? {} : { pid }), stopped: first !== undefined };
    },
    async restartOne(target, options) {
      const members = await find(target);
      const running = members.filter(({ health }) => health !== 'stale');
      for (const member of running) await stopDaemon(member, options);
      const beadsDir = members[0]?.beadsDir ?? locate(target, cwd).beadsDir;
      const { pid, version } = await startDaemon(beadsDir, host);
      const action = running.length > 0 ? 'restarted' : 'started';
      return { workspace: dirname(beadsDir), action, pid, version };
    },
    async stopAll(options) {
      const running = (await findFleet(env)).filter(({ health }) => health !== 'stale');
      const ends = await Promise.all(
        running.map(async (member) => {
          try {
            await stopDaemon(member, options);
            await forgetGone(member);
            return [];
          } catch (error) {
            const { message } = toBdError(error);
            return [{ workspace: workspaceOf(member), pid: member.pid ?? null, error: message }];
          }
        }),
      );
      const failures = ends.flat();
      return { stopped: running.length - failures.length, failed: failures.length, failures };
    },
    async locateDaemon(target) {
      const [member] = await find(target);
      return member?.beadsDir ?? locate(target, cwd).beadsDir;
    },
  };
}

function isMeant(member: FleetMember, target: string, cwd: string): boolean {
  if (/^\d+$/.test(target)) return member.pid === Number(target);
  const paths = [resolve(cwd, target), realPath(resolve(cwd, target))];
  return [workspaceOf(member), member.beadsDir].some(
    (path) => path !== undefined && paths.includes(path),
  );
}

/** A workspace that no daemon is known of. */
function locate(target: string, cwd: string): { beadsDir: string; project: string } {
  const path = resolve(cwd, target);
  const found =
    !/^\d+$/.test(target) && existsSync(path) ? findWorkspace({ cwd: path, env: {} }) : undefined;
  if (found !== undefined) return { beadsDir: found.beadsDir, project: found.projectDir };
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
  beadsDir: string | undefined,
  lookAtStore: (beadsDir: string) => { kind: string; problem?: string },
): Surroundings {
  if (beadsDir === undefined || !existsSync(beadsDir)) {
    return { storeDamage: undefined, disk: undefined };
  }
  const look = lookAtStore(beadsDir);
  const storeDamage = look.kind === 'damaged' ? `its store is damaged: ${look.problem}` : undefined;
  return { storeDamage, disk: freeSpace(beadsDir) };
}
