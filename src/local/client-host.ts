import type { Readable, Writable } from 'node:stream';
import type { DaemonProgram } from '../client/spawn-daemon.ts';
import { BdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { findWorkspace } from '../place/find-workspace.ts';

/** The client's process, as far as local commands use it. */
export interface ClientHost {
  cwd: string;
  /** All of it, not a command's selection. */
  env: Environment;
  /** The value of `--db`. */
  databaseFlag: string | undefined;
  program: DaemonProgram;
  /** The entry point of `bd` itself. */
  cliFile: string;
  stdin: Readable;
  stdout: Writable;
  /** Serves a workspace in this process until told to stop; returns the exit code. */
  serve(beadsDir: string, options: RunOptions): Promise<number>;
  /** Aborted when the person, or the system, has had enough of a command that goes on and on. */
  interrupted(): AbortSignal;
}

export interface RunOptions {
  /** Also when nobody calls: for a daemon that somebody else starts and ends. */
  staysWhenIdle: boolean;
}

/** The `.beads` of the workspace that the command is about. */
export function findHere({ cwd, env, databaseFlag }: ClientHost): string {
  const found = findWorkspace({ cwd, env, databaseFlag });
  if (found !== undefined) return found.beadsDir;
  throw noWorkspace(cwd);
}

export function noWorkspace(cwd: string): BdError {
  return new BdError('NO_WORKSPACE', {
    message: 'no beads database found',
    remedy: `Run \`bd init\` in your project, or go there: nothing above ${cwd} has a .beads directory.`,
  });
}
