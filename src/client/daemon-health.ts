import { dirname } from 'node:path';
import { VERSION } from '../core/version.ts';
import { daemonLogPath, readDaemonPid, socketLinkPath } from '../platform/workspace-files.ts';
import type { DaemonStatusResult } from '../protocol/daemon-methods.ts';
import { connect } from './connect.ts';
import type { RegistryEntry } from './registry.ts';
import { ask } from './request.ts';

/** healthy: answers; stale: nobody listens; mismatched: answers with another version; unresponsive: silent. */
export type DaemonHealthName = 'healthy' | 'stale' | 'mismatched' | 'unresponsive';

/** One line of the registry, and what its daemon answered just now. */
export interface DaemonEntry {
  workspace: string;
  database_path: string;
  socket_path: string;
  pid: number;
  version: string;
  /** RFC 3339; the daemon's own word. */
  started: string;
  status: DaemonHealthName;
  /** Present when it answered. */
  uptime_seconds?: number;
  /** What is wrong; absent when healthy. */
  issue?: string;
}

/** `bd daemons health --json` as it is. */
export interface HealthReport {
  total: number;
  healthy: number;
  stale: number;
  mismatched: number;
  unresponsive: number;
  daemons: DaemonHealth[];
}

export interface DaemonHealth {
  workspace: string;
  socket_path: string;
  pid?: number;
  version?: string;
  status: DaemonHealthName;
  issue?: string;
  version_mismatch?: boolean;
}

/** `bd daemon status --json` as it is. */
export interface DaemonStatus {
  /** The project directory. */
  workspace: string;
  status: 'running' | 'not_running' | 'unresponsive' | 'outdated';
  pid?: number;
  version?: string;
  /** RFC 3339. */
  started?: string;
  uptime_seconds?: number;
  memory_bytes?: number;
  connections?: number;
  socket_path?: string;
  log_path: string;
  version_mismatch?: boolean;
  /** What is wrong, when something is. */
  issue?: string;
  /** Why commands start none by themselves; absent when the next one does. */
  refused?: string;
}

type Probe =
  | { kind: 'answered'; status: DaemonStatusResult }
  | { kind: 'absent' }
  | { kind: 'silent'; issue: string };

/** Asks every registered daemon at once; starts none, and waits for none longer than its deadline. */
export async function probeDaemons(entries: readonly RegistryEntry[]): Promise<DaemonEntry[]> {
  return await Promise.all(entries.map(probeEntry));
}

export function summariseHealth(entries: readonly DaemonEntry[]): HealthReport {
  const count = (name: DaemonHealthName): number =>
    entries.filter(({ status }) => status === name).length;
  return {
    total: entries.length,
    healthy: count('healthy'),
    stale: count('stale'),
    mismatched: count('mismatched'),
    unresponsive: count('unresponsive'),
    daemons: entries.map(({ workspace, socket_path, pid, version, status, issue }) => ({
      workspace,
      socket_path,
      pid,
      version,
      status,
      ...(issue === undefined ? {} : { issue }),
      ...(status === 'mismatched' ? { version_mismatch: true } : {}),
    })),
  };
}

/** The daemon of one workspace. */
export async function readDaemonStatus(beadsDir: string): Promise<DaemonStatus> {
  const base = { workspace: dirname(beadsDir), log_path: daemonLogPath(beadsDir) };
  const probe = await probeDaemon(beadsDir);
  if (probe.kind === 'absent') return { ...base, status: 'not_running' };
  if (probe.kind === 'silent') {
    const pid = readDaemonPid(beadsDir);
    return {
      ...base,
      status: 'unresponsive',
      issue: probe.issue,
      ...(pid === undefined ? {} : { pid }),
    };
  }
  const { status } = probe;
  const isOutdated = status.version !== VERSION;
  return {
    ...base,
    status: isOutdated ? 'outdated' : 'running',
    pid: status.pid,
    version: status.version,
    started: status.started_at,
    uptime_seconds: status.uptime_ms / 1000,
    memory_bytes: status.rss_bytes,
    connections: status.connections,
    socket_path: socketLinkPath(beadsDir),
    ...(isOutdated ? { version_mismatch: true, issue: otherVersion(status.version) } : {}),
  };
}

async function probeEntry(entry: RegistryEntry): Promise<DaemonEntry> {
  const base = {
    workspace: entry.workspace_path,
    database_path: entry.database_path,
    socket_path: entry.socket_path,
    pid: entry.pid,
    version: entry.version,
    started: entry.started_at,
  };
  const probe = await probeDaemon(dirname(entry.socket_path));
  if (probe.kind === 'absent') {
    return { ...base, status: 'stale', issue: 'nobody listens; the next bd call starts a daemon' };
  }
  if (probe.kind === 'silent') return { ...base, status: 'unresponsive', issue: probe.issue };
  const { pid, version, started_at: started, uptime_ms: uptimeMs } = probe.status;
  const living = { ...base, pid, version, started, uptime_seconds: uptimeMs / 1000 };
  if (version === VERSION) return { ...living, status: 'healthy' };
  return { ...living, status: 'mismatched', issue: otherVersion(version) };
}

async function probeDaemon(beadsDir: string): Promise<Probe> {
  const connection = await connect(beadsDir);
  if (connection.kind === 'absent') return connection;
  if (connection.kind !== 'connected') return { kind: 'silent', issue: connection.reason };
  try {
    return { kind: 'answered', status: await ask(connection.socket, 'daemon_status') };
  } catch (error) {
    return { kind: 'silent', issue: error instanceof Error ? error.message : String(error) };
  }
}

function otherVersion(version: string): string {
  return `it runs version ${version}, this is ${VERSION}: restart it with bd daemon stop`;
}
