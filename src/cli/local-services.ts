import type { DaemonEntry, DaemonStatus, HealthReport } from '../client/daemon-health.ts';
import type { SyncMode } from '../core/sharing.ts';
import type { InitPreview, InitReport } from '../workspace/initialise.ts';
import type { MergePaths, MergeReport } from '../workspace/merge-driver.ts';
import type { UninstallReport } from '../workspace/uninstall.ts';
import type { CompletedClone, CompletionPreview } from '../workspace/present-workspace.ts';

/** What the commands that run in the client's own process need from it; `run-locally.ts` provides them. */
export interface LocalServices {
  startDaemon(): Promise<{ pid: number; version: string; alreadyRunning: boolean }>;
  /** Asks it to end and waits until it has; `stopped` is false when none was running. */
  stopDaemon(): Promise<{ stopped: boolean; pid?: number }>;
  /** Never starts a daemon. */
  daemonStatus(): Promise<DaemonStatus>;
  /** Serves in this process until told to stop; returns the exit code. */
  runDaemon(): Promise<number>;
  /** Every registered daemon, living or not; never starts one. */
  listDaemons(): Promise<DaemonEntry[]>;
  daemonsHealth(): Promise<HealthReport>;
  /** Connects standard input and output to the daemon until either ends; returns the exit code. */
  bridgeMcp(): Promise<number>;
  /** Undefined when there is no workspace that lacks anything in this clone. */
  completeClone(options: Pick<InitRequest, 'prefix'>): Promise<CompletedClone | undefined>;
  /** What that would do; nothing is touched. */
  previewCompletion(options: Pick<InitRequest, 'prefix'>): Promise<CompletionPreview | undefined>;
  initialise(options: InitRequest): Promise<InitReport>;
  /** What that would do; nothing is touched. */
  previewInit(options: InitRequest): Promise<InitPreview>;
  /** Stops the daemon first. */
  uninstall(options: UninstallRequest): Promise<UninstallReport>;
  /** What that would do; nothing is touched. */
  previewUninstall(options: UninstallRequest): Promise<UninstallReport>;
  mergeFiles(paths: MergePaths): Promise<MergeReport>;
}

export interface InitRequest {
  prefix?: string;
  /** Never send anything to a remote. */
  isLocal: boolean;
  mode?: SyncMode;
  skipsMergeDriver: boolean;
}

export interface UninstallRequest {
  purgesRemote: boolean;
  isForced: boolean;
}
