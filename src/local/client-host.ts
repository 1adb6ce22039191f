import type { Readable, Writable } from 'node:stream';
import type { RunOptions } from '../cli/local-services.ts';
import type { DaemonProgram } from '../client/spawn-daemon.ts';
import type { Handover } from '../client/handover.ts';
import { BdError } from '../core/errors.ts';
import { findWorkspace } from '../place/find-workspace.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Environment } from '../platform/environment.ts';

/** What local commands use of the client's process. */
export interface ClientHost {
  cwd: string;
  /** All of it, not only what commands use. */
  env: Environment;
  /** The value of `--db`. */
  databaseFlag: string | undefined;
  program: DaemonProgram;
  /** The entry point of `bd` itself. */
  cliFile: string;
  stdin: Readable;
  stdout: Writable;
  /** Why the native client left the command to this one; undefined when that did not run. */
  handover: Handover | undefined;
  /** Serves a workspace in this process until interrupted; returns the exit code. */
  serve(place: WorkspacePlace, options: RunOptions): Promise<number>;
  /** Aborted by the signal that ends an endless command. */
  interrupted(): AbortSignal;
}

/** The workspace that the command is about. */
export function findHere({ cwd, env, databaseFlag }: ClientHost): WorkspacePlace {
  const found = findWorkspace({ cwd, env, databaseFlag });
  if (found !== undefined) return found;
  throw noWorkspace(cwd);
}

export function noWorkspace(cwd: string): BdError {
  return new BdError('NO_WORKSPACE', {
    message: 'no beads database found',
    remedy: `Run \`bd init\` in your project, or go there: nothing above ${cwd} has a .beads directory.`,
  });
}
