import { register, registryPath, unregister } from '../client/registry.ts';
import { START_SETTLE_MS } from '../core/limits.ts';
import { timestampAt } from '../core/timestamp.ts';
import { VERSION } from '../core/version.ts';
import { socketLinkPath } from '../place/workspace-files.ts';
import { findSuddenEnd } from './crash.ts';
import type { Serving } from './daemon-context.ts';

/** The daemon's entry in the registry, and its first line in the log. */
export interface Registration {
  /** Writes them, if that was not done before. */
  begin(): Promise<void>;
  remove(): Promise<void>;
}

/**
 * To be called before the daemon listens. The client that started it waits for its first answer: what
 * nobody waits for comes after that, or after a moment in which nobody called.
 */
export function createRegistration(serving: Serving): Registration {
  const { beadsDir, workspace, env, clock, log, startedMs } = serving;
  const killed = findSuddenEnd(beadsDir);
  const entry = {
    workspace_path: workspace.projectDir,
    socket_path: socketLinkPath(beadsDir),
    database_path: workspace.databasePath,
    pid: process.pid,
    version: VERSION,
    started_at: timestampAt(startedMs),
  };
  const write = async (): Promise<void> => {
    if (killed !== undefined) {
      log.warn('the daemon before ended without a word: was it killed?', { was: killed });
    }
    const { projectDir } = workspace;
    log.info('serving', { version: VERSION, workspace: projectDir, node: process.version });
    const failure = await register(registryPath(env), entry);
    if (failure !== undefined) log.warn(`cannot write the registry: ${failure}`);
  };
  let writing: Promise<void> | undefined;
  const begin = (): Promise<void> => (writing ??= write());
  clock.after(START_SETTLE_MS, () => void begin());
  return {
    begin,
    async remove() {
      await unregister(registryPath(env), entry);
    },
  };
}
