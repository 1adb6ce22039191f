import type { DaemonEntry, DaemonStatus, HealthReport } from '../client/daemon-report.ts';
import type { Finding } from '../core/finding.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { InitOptions, InitPreview, InitReport } from '../workspace/init/initialise.ts';
import type { MergePaths, MergeReport } from '../workspace/merge-driver.ts';
import type { UninstallOptions, UninstallReport } from '../workspace/init/uninstall.ts';
import type { CompletedClone } from '../workspace/init/present-workspace.ts';

/** What the commands that run in the client's own process need from it; `local/` provides it. */
export interface LocalServices
  extends WorkspaceServices, DaemonServices, FleetServices, SystemServices {
  /** Checks the installation and the workspace of `directory`, by default of the current one; changes nothing. */
  examine(directory?: string): Promise<DoctorReport>;
  mergeFiles(paths: MergePaths): Promise<MergeReport>;
}

export interface WorkspaceServices {
  /** Makes a workspace, or completes the one that came with the clone. */
  initialise(request: InitRequest): Promise<InitReport | InitPreview | CompletedClone>;
  /** Stops the daemon first. */
  uninstall(request: UninstallRequest): Promise<UninstallReport>;
}

export interface InitRequest extends Pick<
  InitOptions,
  'prefix' | 'isLocal' | 'mode' | 'skipsMergeDriver'
> {
  /** Reports what would be done, and changes nothing. */
  isDryRun: boolean;
}

export type UninstallRequest = Required<
  Pick<UninstallOptions, 'purgesRemote' | 'isForced' | 'isDryRun'>
>;

/** The daemon of the workspace that the command is about. */
export interface DaemonServices {
  findHere(): WorkspacePlace;
  startDaemon(): Promise<RunningDaemon & { alreadyRunning: boolean }>;
  /** Waits until it has ended; with `isForced`, a signal ends one that does not. */
  stopDaemon(how: { isForced: boolean }): Promise<StopReport>;
  /** Replaces the running daemon once it has finished its requests. */
  reloadDaemon(): Promise<RunningDaemon & { previous: RunningDaemon | undefined }>;
  /** Stops it, and keeps commands from starting one, for good or for `forMs`. */
  switchDaemonOff(how: { forMs?: number; isForced?: boolean }): Promise<StopReport>;
  switchDaemonOn(): Promise<void>;
  /** Starts none. */
  daemonStatus(): Promise<DaemonStatus>;
  /** Serves in this process until interrupted; returns the exit code. */
  runDaemon(options: RunOptions): Promise<number>;
  /** Prints the end of the log; with `follows`, also new lines until interrupted. */
  showLog(
    place: WorkspacePlace,
    options: { lines: number; follows: boolean; print: (text: string) => void },
  ): Promise<void>;
  /** Serves the Model Context Protocol; returns the exit code. */
  serveMcp(): Promise<number>;
}

interface RunningDaemon {
  pid: number;
  version: string;
}

export interface StopReport {
  stopped: boolean;
  pid?: number | undefined;
}

export interface RunOptions {
  /** Even without clients: a service manager starts and stops this daemon. */
  staysWhenIdle: boolean;
}

/** All daemons of this user. `target` is a workspace's path or a daemon's pid. */
export interface FleetServices {
  /** Lists daemons, running or not; unless `keepsGone`, removes ended ones from the registry. */
  listDaemons(options: { keepsGone: boolean }): Promise<DaemonEntry[]>;
  /** Of all daemons, or of one workspace's. */
  daemonsHealth(place?: WorkspacePlace): Promise<HealthReport>;
  stopOne(target: string, how: { isForced: boolean }): Promise<StopReport & { workspace: string }>;
  restartOne(
    target: string,
    how: { isForced: boolean },
  ): Promise<RunningDaemon & { workspace: string; action: 'restarted' | 'started' }>;
  stopAll(how: { isForced: boolean }): Promise<{
    stopped: number;
    failed: number;
    failures: { workspace: string; pid: number | null; error: string }[];
  }>;
  /** The workspace of a daemon whose log is asked for. */
  locateDaemon(target: string): Promise<WorkspacePlace>;
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

/** Has the system's service manager run this workspace's daemon from login on. */
export interface SystemServices {
  installService(): Promise<ServiceReport>;
  /** Undefined when there is none. */
  uninstallService(): Promise<ServiceReport | undefined>;
  serviceStatus(): Promise<{ installed: boolean; running: boolean; path: string }>;
}

export interface ServiceReport {
  path: string;
  /** The text of the file that was written or removed. */
  content: string;
  /** Commands for the user to run, as the service manager did not respond. */
  left: string[];
  /** Why bd did not run them; null when none is left. */
  reason: string | null;
}
