import { shellWord } from '../core/shell-word.ts';
import { sharingFailure } from '../core/sharing.ts';
import { VERSION } from '../core/version.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { freeSpace } from '../platform/file-system.ts';
import { mendingCommand, workspaceOf, type DaemonHealth } from './daemon-health.ts';

const STATUS = {
  healthy: 'running',
  mismatched: 'outdated',
  unresponsive: 'unresponsive',
  orphan: 'unresponsive',
  stale: 'not_running',
  absent: 'not_running',
} as const;

export type DaemonStatus = ReturnType<typeof reportStatus>;

/** For `bd daemon status`; `refusal` says why no daemon would be started. */
export function reportStatus(
  place: WorkspacePlace,
  { state, pid, answer, issue, socketPath }: DaemonHealth,
  refusal: string | undefined,
) {
  const isAbsent = state === 'absent';
  const { sync, last_error: lastError } = answer ?? {};
  return {
    workspace: place.projectDir,
    log_path: place.logFile,
    status: STATUS[state],
    reason: isAbsent ? (issue ?? refusal) : undefined,
    pid,
    version: answer?.version,
    build: answer?.build ?? undefined,
    started: answer?.started_at,
    uptime_seconds: answer && answer.uptime_ms / 1000,
    memory_bytes: answer?.rss_bytes,
    heap_bytes: answer?.heap_bytes,
    event_loop_delay_ms: answer?.event_loop_delay_ms,
    connections: answer?.connections,
    watcher: answer?.watcher,
    sync_state: sync?.state,
    pending: sync?.pending,
    oldest_pending_seconds: sync?.oldest_pending_s ?? undefined,
    last_error: lastError ?? undefined,
    socket_path: socketPath,
    version_mismatch: state === 'mismatched' ? true : undefined,
    issue: isAbsent ? undefined : issue,
  };
}

export type DaemonEntry = ReturnType<typeof describeDaemon>;

/** For `bd daemons list`. */
export function describeDaemon(daemon: DaemonHealth) {
  const { state, place, socketPath, pid, registered, answer, issue } = daemon;
  return {
    workspace: workspaceOf(daemon),
    database_path: registered?.database_path,
    socket_path: place?.socketLink ?? socketPath ?? '',
    pid,
    version: answer?.version ?? registered?.version,
    started: answer?.started_at ?? registered?.started_at,
    status: state,
    uptime_seconds: answer && answer.uptime_ms / 1000,
    issue,
    version_mismatch: state === 'mismatched' ? true : undefined,
  };
}

/** The state of a workspace's files and disk, found without asking its daemon. */
export interface WorkspaceCondition {
  /** What is wrong with the store; undefined when nothing is, or it cannot be read. */
  storeDamage?: string | undefined;
  disk?: ReturnType<typeof freeSpace>;
}

export type HealthReport = ReturnType<typeof reportHealth>;

/** For `bd daemons health`. */
export function reportHealth(
  daemons: readonly DaemonHealth[],
  conditionOf: (daemon: DaemonHealth) => WorkspaceCondition,
) {
  const issues = daemons.flatMap((daemon) => issuesOf(daemon, conditionOf(daemon)));
  const count = (name: DaemonHealth['state']): number =>
    daemons.filter(({ state }) => state === name).length;
  return {
    healthy: issues.length === 0,
    issues,
    total: daemons.length,
    healthy_count: count('healthy'),
    stale: count('stale'),
    mismatched: count('mismatched'),
    unresponsive: count('unresponsive'),
    orphan: count('orphan'),
    daemons: daemons.map(describeDaemon),
  };
}

const ISSUES = {
  mismatched: 'version_mismatch',
  stale: 'stale_socket',
  unresponsive: 'unresponsive',
  orphan: 'orphan',
} as const;

type IssueName =
  | (typeof ISSUES)[keyof typeof ISSUES]
  | 'sync_failing'
  | 'store_corrupt'
  | 'disk_low';

function issuesOf(daemon: DaemonHealth, { storeDamage, disk }: WorkspaceCondition) {
  const { state, answer, pid, place, registered } = daemon;
  const workspace = workspaceOf(daemon);
  const target = shellWord(workspace || String(pid ?? ''));
  const found: (readonly [issue: IssueName, detail: string, command: string])[] = [];
  if (state !== 'healthy' && state !== 'absent') {
    // Another daemon may serve the path of an orphan's workspace.
    const command = mendingCommand(daemon, state === 'orphan' ? String(pid ?? target) : target);
    found.push([ISSUES[state], daemon.issue ?? '', command ?? '']);
  }
  const isAnswering = state === 'healthy' || state === 'mismatched';
  const failure = isAnswering ? answer && sharingFailure(answer.sync) : undefined;
  if (failure !== undefined) {
    found.push(['sync_failing', failure, `bd --directory ${target} sync`]);
  }
  if (storeDamage !== undefined) {
    found.push(['store_corrupt', storeDamage, `bd daemons restart ${shellWord(workspace)}`]);
  }
  if (disk?.isLow === true && place !== undefined) {
    const detail = `${disk.megabytes} MB are free on its disk`;
    found.push(['disk_low', detail, `df -h ${shellWord(place.projectDir)}`]);
  }
  return found.map(([issue, detail, recommendation]) => ({
    workspace,
    issue,
    detail,
    daemon_version: answer?.version ?? registered?.version ?? null,
    cli_version: VERSION,
    recommendation,
  }));
}
