import { dirname } from 'node:path';
import { PROBE_TIMEOUT_MS } from '../core/limits.ts';
import { listDaemonSockets } from '../place/runtime-directory.ts';
import { isSocketOf, resolveSocket } from '../place/socket-link.ts';
import { WorkspacePlace } from '../place/workspace-place.ts';
import type { Environment } from '../platform/environment.ts';
import { hasEnded } from '../platform/own-process.ts';
import { lookAtSocket, orOrphan, workspaceOf, type DaemonHealth } from './daemon-health.ts';
import { readRegistry, registryPath, type RegistryEntry } from './registry.ts';
import { listDaemonProcesses, type DaemonProcess } from './spawn-daemon.ts';

/**
 * This user's daemons: those in the registry, and others with a socket in this environment's runtime
 * directory. Starts none; asks all at once, each for no longer than the probe's timeout.
 */
export async function findFleet(env: Environment): Promise<DaemonHealth[]> {
  const registry = await readRegistry(registryPath(env));
  const sockets = listDaemonSockets(env);
  const processes = listDaemonProcesses();
  const entries = new Map(registry.map((entry) => [dirname(entry.socket_path), entry]));
  const claimed = new Set<string>();
  const workspaces = [...entries].map(([beadsDir, registered]) => {
    const place = new WorkspacePlace(beadsDir);
    const own = socketsOf(place, sockets);
    for (const path of own) claimed.add(path);
    return lookAtWorkspace(place, registered, { sockets: own, processes });
  });
  const strangers = sockets
    .filter((path) => !claimed.has(path))
    .map((path) => lookAtStranger(path, processes));
  const members = (await Promise.all([...workspaces, ...strangers])).flat();
  return members.sort((left, right) => workspaceOf(left).localeCompare(workspaceOf(right)));
}

/** The running daemons of one workspace: at most one, besides orphans. */
export async function findDaemons(
  place: WorkspacePlace,
  env: Environment,
): Promise<DaemonHealth[]> {
  const registry = await readRegistry(registryPath(env));
  const registered = registry.find((entry) => dirname(entry.socket_path) === place.beadsDir);
  const members = await lookAtWorkspace(place, registered, {
    sockets: socketsOf(place, listDaemonSockets(env)),
    processes: listDaemonProcesses(),
  });
  return members.filter(isRunning);
}

export function isRunning({ state }: DaemonHealth): boolean {
  return state !== 'stale' && state !== 'absent';
}

/** The link's target, perhaps in another environment's directory, and other sockets of the workspace. */
function socketsOf(place: WorkspacePlace, sockets: readonly string[]): string[] {
  const linked = resolveSocket(place);
  const own = sockets.filter((path) => isSocketOf(path, place));
  return linked.kind === 'socket' ? [...new Set([linked.path, ...own])] : own;
}

async function lookAtWorkspace(
  place: WorkspacePlace,
  registered: RegistryEntry | undefined,
  { sockets, processes }: { sockets: readonly string[]; processes: readonly DaemonProcess[] },
): Promise<DaemonHealth[]> {
  const looks = await Promise.all(sockets.map((path) => lookAtSocket(path, { place, registered })));
  const members = looks.filter((look) => look !== undefined);
  const answered = new Set(members.flatMap(({ answer }) => answer?.pid ?? []));
  const silent = processes.filter(
    ({ beadsDir, pid }) => beadsDir === place.beadsDir && !answered.has(pid),
  );
  // With several silent processes, which one has a silent socket is unknown; it matters for messages only.
  for (const member of members) {
    member.pid ??= silent.shift()?.pid ?? place.readPid() ?? registered?.pid;
  }
  const ends = await Promise.all(silent.map((each) => hasEnded(each, PROBE_TIMEOUT_MS)));
  const deaf = silent.filter((_each, index) => ends[index] === false);
  for (const { pid } of deaf) {
    const issue = 'it does not listen';
    members.push(orOrphan({ state: 'unresponsive', place, registered, pid, issue }));
  }
  if (members.length > 0 || registered === undefined) return members;
  const issue = 'it does not run; the next bd command there starts one';
  return [{ state: 'stale', place, registered, pid: registered.pid, issue }];
}

/** A daemon that the registry does not list, or the socket of a dead one. */
async function lookAtStranger(
  path: string,
  processes: readonly DaemonProcess[],
): Promise<DaemonHealth[]> {
  const named = processes.find((each) => isSocketOf(path, each));
  const place = named && new WorkspacePlace(named.beadsDir);
  const found = await lookAtSocket(path, { place });
  if (found === undefined) return [];
  return [{ ...found, pid: found.pid ?? named?.pid }];
}
