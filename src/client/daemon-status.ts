import { dirname } from 'node:path';
import type { SharingState } from '../core/sharing.ts';
import { VERSION } from '../core/version.ts';
import { daemonLogPath, readDaemonPid, socketLinkPath } from '../place/workspace-files.ts';
import type { DaemonStatusResult, WatcherKind } from '../protocol/daemon-methods.ts';
import { compareVersions } from '../protocol/handshake.ts';
import type { Probe } from './probe-daemon.ts';

/** `bd daemon status --json` as it is. */
export interface DaemonStatus {
  /** The project directory. */
  workspace: string;
  status: 'running' | 'not_running' | 'unresponsive' | 'outdated';
  /** Why none runs, where one would not be started either. */
  reason?: string;
  pid?: number;
  version?: string;
  /** Of the program that runs; tells builds of one version apart. */
  build?: string;
  /** RFC 3339. */
  started?: string;
  uptime_seconds?: number;
  memory_bytes?: number;
  heap_bytes?: number;
  event_loop_delay_ms?: number;
  connections?: number;
  watcher?: WatcherKind;
  sync_state?: SharingState;
  /** Changed issues that wait to be shared. */
  pending?: number;
  oldest_pending_seconds?: number;
  last_error?: { at: string; message: string };
  socket_path?: string;
  log_path: string;
  version_mismatch?: boolean;
  /** What is wrong, when something is. */
  issue?: string;
}

/** The daemon of one workspace, as it was found. */
export function statusFrom(beadsDir: string, probe: Probe): DaemonStatus {
  const base = { workspace: dirname(beadsDir), log_path: daemonLogPath(beadsDir) };
  if (probe.kind === 'answered') return { ...base, ...describe(probe.status, beadsDir) };
  if (probe.kind === 'absent' || probe.kind === 'forbidden') {
    const reason = probe.kind === 'forbidden' ? { reason: probe.reason } : {};
    return { ...base, status: 'not_running', ...reason };
  }
  const pid = readDaemonPid(beadsDir);
  return {
    ...base,
    status: 'unresponsive',
    issue: probe.reason,
    ...(pid === undefined ? {} : { pid }),
  };
}

/** What is wrong with a daemon of another version than this program's; undefined when nothing is. */
export function versionMismatch(version: string): string | undefined {
  if (version === VERSION) return undefined;
  return isNewer(version)
    ? `it runs version ${version}, and this bd is only ${VERSION}`
    : `it runs version ${version}, this is ${VERSION}`;
}

/** The command that mends it: to restart a newer daemon would put an older one in its place. */
export function mendMismatch(version: string, { restart }: { restart: string }): string {
  return isNewer(version) ? `npm install --global beads-daemon@${version}` : restart;
}

function isNewer(version: string): boolean {
  return (compareVersions(version, VERSION) ?? 0) > 0;
}

function describe(
  status: DaemonStatusResult,
  beadsDir: string,
): Omit<DaemonStatus, 'workspace' | 'log_path'> {
  const mismatch = versionMismatch(status.version);
  const { sync, last_error: lastError } = status;
  const oldestS = sync.oldest_pending_s;
  return {
    status: mismatch === undefined ? 'running' : 'outdated',
    pid: status.pid,
    version: status.version,
    ...(status.build === null ? {} : { build: status.build }),
    started: status.started_at,
    uptime_seconds: status.uptime_ms / 1000,
    memory_bytes: status.rss_bytes,
    heap_bytes: status.heap_bytes,
    event_loop_delay_ms: status.event_loop_delay_ms,
    connections: status.connections,
    watcher: status.watcher,
    sync_state: sync.state,
    pending: sync.pending,
    ...(oldestS === null ? {} : { oldest_pending_seconds: oldestS }),
    ...(lastError === null ? {} : { last_error: lastError }),
    socket_path: socketLinkPath(beadsDir),
    ...(mismatch === undefined ? {} : { version_mismatch: true, issue: mismatch }),
  };
}
