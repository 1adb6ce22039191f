import type { Environment } from '../platform/environment.ts';
import type { Clock } from '../platform/clock.ts';
import type { ProgramFile } from './program-file.ts';
import type { Standing } from '../workspace/held-store.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { DaemonEvent } from './daemon-state.ts';
import type { AttentiveLog } from './last-error.ts';

/** What the parts of a daemon share while it serves. */
export interface Serving {
  readonly beadsDir: string;
  readonly workspace: Workspace;
  readonly env: Environment;
  readonly clock: Clock;
  readonly log: AttentiveLog;
  readonly program: ProgramFile;
  readonly startedMs: number;
  /** Of the directory as well. */
  readonly standing: () => Standing;
  /** Tells the one loop that decides the daemon's life. */
  readonly post: (event: DaemonEvent) => void;
  /** Looks at the workspace and the program now, and tells that loop. */
  readonly check: () => void;
}
