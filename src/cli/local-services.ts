import type { Finding } from '../core/finding.ts';
import type { SharingState, SyncMode } from '../core/sharing.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { WatcherKind } from '../protocol/daemon-methods.ts';
import type { InitPreview, InitReport } from '../workspace/init/initialise.ts';
import type { MergePaths, MergeReport } from '../workspace/merge-driver.ts';
import type { UninstallReport } from '../workspace/init/uninstall.ts';
import type { CompletedClone } from '../workspace/init/present-workspace.ts';

// What the commands that run in the client's own process need from it; `local/` provides it.

export interface LocalServices
  extends WorkspaceServices, DaemonServices, FleetServices, SystemServices {
  /** Serves the Model Context Protocol here; returns the exit code. */
  serveMcp(): Promise<number>;
  /** Looks for what is wrong, from `directory` or from here; changes nothing. */
  examine(directory?: string): Promise<DoctorReport>;
  mergeFiles(paths: MergePaths): Promise<MergeReport>;
}

export interface WorkspaceServices {
  /** Undefined when this clone has no workspace, or one that lacks nothing. */
  completeClone(
    options: Pick<InitRequest, 'prefix' | 'isDryRun'>,
  ): Promise<CompletedClone | undefined>;
  initialise(options: InitRequest): Promise<InitReport | InitPreview>;
  /** Stops the daemon first. */
  uninstall(options: UninstallRequest): Promise<UninstallReport>;
}

export interface InitRequest {
  prefix?: string;
  /** Never send anything to a remote. */
  isLocal: boolean;
  mode?: SyncMode;
  skipsMergeDriver: boolean;
  /** Reports what would be done, and changes nothing. */
  isDryRun?: boolean;
}

export interface UninstallRequest {
  purgesRemote: boolean;
  isForced: boolean;
  /** Reports what would be done, and changes nothing. */
  isDryRun: boolean;
}

/** The daemon of the workspace that the command is about. */
export interface DaemonServices {
  findHere(): WorkspacePlace;
  startDaemon(): Promise<{ pid: number; version: string; alreadyRunning: boolean }>;
  /** Waits until it has ended; `isForced` ends one by a signal that does not. */
  stopDaemon(how: { isForced: boolean }): Promise<StopReport>;
  /** Replaces the running daemon once it has finished its requests. */
  reloadDaemon(): Promise<{
    pid: number;
    version: string;
    previous?: { pid: number; version: string };
  }>;
  /** Stops it, and keeps commands from starting one, for good or for `forMs`. */
  switchDaemonOff(how: { forMs?: number; isForced?: boolean }): Promise<StopReport>;
  switchDaemonOn(): Promise<void>;
  /** Starts none. */
  daemonStatus(): Promise<DaemonStatus>;
  /** Serves in this process until told to stop; returns the exit code. */
  runDaemon(options: RunOptions): Promise<number>;
  /** Prints the end of the log; when it `follows`, what is written later too, until interrupted. */
  showLog(place: WorkspacePlace, options: ShowLogOptions): Promise<void>;
}

export interface StopReport {
  stopped: boolean;
  pid?: number;
}

export interface RunOptions {
  /** Also without clients: for a daemon that a service manager starts and ends. */
  staysWhenIdle: boolean;
}

export interface ShowLogOptions {
  lines: number;
  follows: boolean;
  print: (text: string) => void;
}

/** `bd daemon status --json` as it is. */
export interface DaemonStatus {
  /** The project directory. */
  workspace: string;
  status: 'running' | 'not_running' | 'unresponsive' | 'outdated';
  /** Why none runs, when none would be started either. */
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

/** All daemons of this user. `target` is a workspace's path or a daemon's pid. */
export interface FleetServices {
  /** Lists daemons, running or not; removes those that are gone from the registry, unless told to keep them. */
  listDaemons(options: { keepsGone: boolean }): Promise<DaemonEntry[]>;
  /** Of all, or of those of one workspace. */
  daemonsHealth(place?: WorkspacePlace): Promise<HealthReport>;
  stopOne(target: string, options: { isForced: boolean }): Promise<StoppedDaemon>;
  restartOne(target: string, options: { isForced: boolean }): Promise<RestartedDaemon>;
  stopAll(options: { isForced: boolean }): Promise<StoppedFleet>;
  /** The workspace of a daemon whose log is asked for. */
  locateDaemon(target: string): Promise<WorkspacePlace>;
}

/** One element of `bd daemons list --json`. */
export interface DaemonEntry {
  workspace: string;
  database_path?: string;
  socket_path: string;
  pid?: number;
  version?: string;
  /** RFC 3339, as the daemon says. */
  started?: string;
  status: string;
  /** Present when it answered. */
  uptime_seconds?: number;
  /** What is wrong; absent when healthy. */
  issue?: string;
  version_mismatch?: boolean;
}

/** `bd daemons health --json` as it is. */
export interface HealthReport {
  healthy: boolean;
  issues: HealthIssue[];
  total: number;
  healthy_count: number;
  stale: number;
  mismatched: number;
  unresponsive: number;
  orphan: number;
  daemons: DaemonEntry[];
}

export interface HealthIssue {
  workspace: string;
  issue:
    | 'version_mismatch'
    | 'stale_socket'
    | 'unresponsive'
    | 'sync_failing'
    | 'store_corrupt'
    | 'disk_low'
    | 'orphan';
  /** What is known about it, in words. */
  detail: string;
  daemon_version: string | null;
  cli_version: string;
  /** The one command that mends it. */
  recommendation: string;
}

export interface StoppedDaemon extends StopReport {
  workspace: string;
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

/** `bd doctor --json` as it is. */
export interface DoctorReport {
  /** The project directory. */
  path: string;
  checks: Finding[];
  overall_ok: boolean;
  cli_version: string;
  platform: string;
}

/** Has the system's service manager run the daemon of this workspace from the login on. */
export interface SystemServices {
  installService(): Promise<ServiceReport>;
  /** Undefined when there is none. */
  uninstallService(): Promise<ServiceReport | undefined>;
  serviceStatus(): Promise<ServiceStatus>;
}

export interface ServiceReport {
  path: string;
  /** The file's text, as it was written or removed. */
  content: string;
  /** Commands that are left to the person, as the manager could not be told. */
  left: string[];
  /** Why they were not run; null when none is left. */
  reason: string | null;
}

export interface ServiceStatus {
  installed: boolean;
  running: boolean;
  path: string;
}
