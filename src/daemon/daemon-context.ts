import type { Environment } from '../platform/environment.ts';
import type { Clock } from '../platform/clock.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { ProgramFile } from './program-file.ts';
import type { Standing } from '../workspace/held-store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { DaemonLog } from './daemon-log.ts';
import type { DaemonEvent } from './daemon-state.ts';

/** What the parts of a daemon share while it serves. */
export interface DaemonContext {
  readonly place: WorkspacePlace;
  readonly workspace: Workspace;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: DaemonLog;
  readonly program: ProgramFile;
  readonly startedMs: number;
  /** Of the directory as well. */
  readonly standing: () => Standing;
  /** Tells the one loop that decides the daemon's life. */
  readonly post: (event: DaemonEvent) => void;
  /** Looks at the workspace and the program now, and tells that loop. */
  readonly check: () => void;
}
