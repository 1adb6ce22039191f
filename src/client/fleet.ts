import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { PROBE_TIMEOUT_MS } from '../core/limits.ts';
import type { Environment } from '../platform/environment.ts';
import { hasEnded, listDaemonProcesses, type DaemonProcess } from '../platform/daemon-process.ts';
import { listSockets } from '../place/runtime-directory.ts';
import { resolveSocket, workspaceKey } from '../place/socket-link.ts';
import { readDaemonPid, socketLinkPath } from '../place/workspace-files.ts';
import type { DaemonStatusResult } from '../protocol/daemon-methods.ts';
import { versionMismatch } from './daemon-status.ts';
import { probeSocket, type Probe } from './probe-daemon.ts';
import { readRegistry, registryPath, type RegistryEntry } from './registry.ts';

/**
 * healthy: answers; mismatched: answers with another version; unresponsive: silent; orphan: alive, and its
 * workspace is gone or another daemon's; stale: registered, and nobody is there.
 */
export type DaemonHealthName = 'healthy' | 'stale' | 'mismatched' | 'unresponsive' | 'orphan';

/** One of this user's daemons, or what is left of it. */
export interface FleetMember {
  health: DaemonHealthName;
  /** Undefined for a silent socket of which nobody knows whose it is. */
  beadsDir: string | undefined;
  /** Where it listens; undefined when it does not. */
  socketPath: string | undefined;
  pid: number | undefined;
  /** What the registry says of the workspace's daemon. */
  registered: RegistryEntry | undefined;
  answer: DaemonStatusResult | undefined;
  /** What is wrong; undefined when nothing is. */
  issue: string | undefined;
}

/**
 * The daemons of this user: those in the registry, and those that a broken or foreign one does not know, by
 * their sockets in this environment's runtime directory. Starts none; all are asked at once, and none is
 * waited for any longer than its deadline.
 */
export async function findFleet(env: Environment): Promise<FleetMember[]> {
  const registry = await readRegistry(registryPath(env));
  const sockets = listSockets(env);
  const processes = listDaemonProcesses();
  const entries = new Map(registry.map((entry) => [dirname(entry.socket_path), entry]));
  const claimed = new Set<string>();
  const workspaces = [...entries].map(([beadsDir, registered]) => {
    const own = socketsOf(beadsDir, sockets);
    for (const path of own) claimed.add(path);
    return lookAtWorkspace({ beadsDir, registered, sockets: own, processes });
  });
  const strangers = sockets
    .filter((path) => !claimed.has(path))
    .map((path) => lookAtSocket(path, processes));
  const members = (await Promise.all([...workspaces, ...strangers])).flat();
  return members.sort((left, right) => workspaceOf(left).localeCompare(workspaceOf(right)));
}

/** The same of one workspace: one at most, but for daemons that were left over. */
export async function findDaemons(beadsDir: string, env: Environment): Promise<FleetMember[]> {
  const registry = await readRegistry(registryPath(env));
  const members = await lookAtWorkspace({
    beadsDir,
    registered: registry.find((entry) => dirname(entry.socket_path) === beadsDir),
    sockets: socketsOf(beadsDir, listSockets(env)),
    processes: listDaemonProcesses(),
  });
  return members.filter(({ health }) => health !== 'stale');
}

/** The project directory; empty when nobody knows. */
export function workspaceOf({ answer, registered, beadsDir }: FleetMember): string {
  return (
    answer?.workspace ??
    registered?.workspace_path ??
    (beadsDir === undefined ? '' : dirname(beadsDir))
  );
}

/** Where the link leads, which may be a directory of another environment's, and what is left beside. */
function socketsOf(beadsDir: string, sockets: readonly string[]): string[] {
  const linked = resolveSocket(socketLinkPath(beadsDir));
  const own = sockets.filter((path) => isSocketOf(path, beadsDir));
  return linked.kind === 'socket' ? [...new Set([linked.path, ...own])] : own;
}

function isSocketOf(path: string, beadsDir: string): boolean {
  return basename(path).startsWith(`${workspaceKey(beadsDir)}-`);
}

async function lookAtWorkspace({
  beadsDir,
  registered,
  sockets,
  processes,
}: {
  beadsDir: string;
  registered: RegistryEntry | undefined;
  sockets: readonly string[];
  processes: readonly DaemonProcess[];
}): Promise<FleetMember[]> {
  const probes = await Promise.all(
    sockets.map(async (path) => ({ path, probe: await probeSocket(path) })),
  );
  const members = probes.flatMap(({ path, probe }) =>
    probe.kind === 'absent' ? [] : [describe(probe, { path, beadsDir, registered })],
  );
  const answered = new Set(members.flatMap(({ answer }) => answer?.pid ?? []));
  const silent = processes.filter((each) => each.beadsDir === beadsDir && !answered.has(each.pid));
  // Which of several silent processes holds a silent socket, nobody can say from outside.
  for (const member of members) {
    member.pid ??= silent.shift()?.pid ?? readDaemonPid(beadsDir) ?? registered?.pid;
  }
  const ends = await Promise.all(silent.map((each) => hasEnded(each, PROBE_TIMEOUT_MS)));
  const deaf = silent
    .filter((_each, index) => ends[index] === false)
    .map(({ pid }) => ({
      ...describe({ kind: 'silent', reason: 'it does not listen' }, { beadsDir, registered }),
      pid,
    }));
  if (members.length + deaf.length > 0) return [...members, ...deaf];
  return registered === undefined ? [] : [leftOver(beadsDir, registered)];
}

/** A daemon that the registry does not know, or a dead one's socket. */
async function lookAtSocket(
  path: string,
  processes: readonly DaemonProcess[],
): Promise<FleetMember[]> {
  const probe = await probeSocket(path);
  if (probe.kind === 'absent') return [];
  const named = processes.find(({ beadsDir }) => isSocketOf(path, beadsDir));
  const beadsDir = probe.kind === 'answered' ? probe.status.beads_dir : named?.beadsDir;
  const member = describe(probe, { path, beadsDir, registered: undefined });
  return [{ ...member, pid: member.pid ?? named?.pid }];
}

function describe(
  probe: Exclude<Probe, { kind: 'absent' }>,
  found: { path?: string; beadsDir: string | undefined; registered: RegistryEntry | undefined },
): FleetMember {
  const { path, beadsDir, registered } = found;
  const base = { beadsDir, registered, socketPath: path };
  const lost = beadsDir === undefined ? undefined : whyOrphan(beadsDir, path);
  if (probe.kind === 'answered') {
    const { status } = probe;
    const mismatch = versionMismatch(status.version);
    const health =
      lost !== undefined ? 'orphan' : mismatch === undefined ? 'healthy' : 'mismatched';
    return { ...base, health, pid: status.pid, answer: status, issue: lost ?? mismatch };
  }
  const health = lost === undefined ? 'unresponsive' : 'orphan';
  return { ...base, health, pid: undefined, answer: undefined, issue: lost ?? probe.reason };
}

/** A link that is missing comes back by itself: only a workspace that is gone, or another's, is lost. */
function whyOrphan(beadsDir: string, socketPath: string | undefined): string | undefined {
  if (!existsSync(beadsDir)) return 'its workspace is gone';
  return socketPath !== undefined && isServedByOther(beadsDir, socketPath)
    ? 'another daemon serves its workspace'
    : undefined;
}

/** Whether the workspace's link leads to another daemon than the one that listens at `socketPath`. */
export function isServedByOther(beadsDir: string, socketPath: string): boolean {
  const linked = resolveSocket(socketLinkPath(beadsDir));
  return linked.kind === 'socket' && linked.path !== socketPath;
}

function leftOver(beadsDir: string, registered: RegistryEntry): FleetMember {
  return {
    health: 'stale',
    beadsDir,
    registered,
    socketPath: undefined,
    pid: registered.pid,
    answer: undefined,
    issue: 'nobody listens; the next bd call there starts a daemon',
  };
}
