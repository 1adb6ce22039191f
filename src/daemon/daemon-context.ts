import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import type { Standing } from '../workspace/held-store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { DaemonLog } from './daemon-log.ts';
import type { DaemonEvent } from './daemon-state.ts';
import type { HealthCheck } from './health-check.ts';
import type { ProgramFile } from './program-file.ts';

/** What the parts of a daemon share while it serves. */
export interface DaemonContext {
  readonly place: WorkspacePlace;
  readonly workspace: Workspace;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly program: ProgramFile;
  readonly startedMs: number;
  readonly healthCheck: HealthCheck;
  readonly checkpoint: Checkpoint;
  /** Whether the store and its lock are still those that were opened. */
  readonly standing: () => Standing;
  /** Reports what can change the daemon's life. */
  readonly post: (event: DaemonEvent) => void;
  /** Reports how the workspace, the program and the modules are. */
  readonly check: () => void;
}
