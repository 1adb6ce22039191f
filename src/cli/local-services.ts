import type { SyncMode } from '../core/sharing.ts';
import type { InitPreview, InitReport } from '../workspace/init/initialise.ts';
import type { MergePaths, MergeReport } from '../workspace/merge-driver.ts';
import type { UninstallReport } from '../workspace/init/uninstall.ts';
import type { CompletedClone } from '../workspace/init/present-workspace.ts';
import type { DaemonServices } from '../local/daemon-services.ts';
import type { DoctorReport } from '../local/examine.ts';
import type { FleetServices } from '../local/fleet-services.ts';
import type { ServiceInstaller } from '../local/service/service-installer.ts';

/** What the commands that run in the client's own process need from it; `run-locally.ts` provides them. */
export interface LocalServices extends DaemonServices, FleetServices, ServiceInstaller {
  /** Serves the Model Context Protocol here; returns the exit code. */
  serveMcp(): Promise<number>;
  /** Looks for what is wrong, from `directory` or from here; touches nothing. */
  examine(directory?: string): Promise<DoctorReport>;
  /** Undefined when there is no workspace that lacks anything in this clone. */
  completeClone(
    options: Pick<InitRequest, 'prefix' | 'isDryRun'>,
  ): Promise<CompletedClone | undefined>;
  initialise(options: InitRequest): Promise<InitReport | InitPreview>;
  /** Stops the daemon first. */
  uninstall(options: UninstallRequest): Promise<UninstallReport>;
  mergeFiles(paths: MergePaths): Promise<MergeReport>;
}

export interface InitRequest {
  prefix?: string;
  /** Never send anything to a remote. */
  isLocal: boolean;
  mode?: SyncMode;
  skipsMergeDriver: boolean;
  /** Reports what would be done, and touches nothing. */
  isDryRun?: boolean;
}

export interface UninstallRequest {
  purgesRemote: boolean;
  isForced: boolean;
  /** Reports what would be done, and touches nothing. */
  isDryRun: boolean;
}
