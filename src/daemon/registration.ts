import { register, registryPath, unregister } from '../client/registry.ts';
import { timestampAt } from '../core/timestamp.ts';
import { VERSION } from '../core/version.ts';
import { findSuddenEnd } from './crash.ts';
import type { DaemonContext } from './daemon-context.ts';

/** The daemon's entry in the registry, and its first line in the log. To be called before the daemon listens. */
export function createRegistration(context: DaemonContext) {
  const { place, workspace, env, log, startedMs } = context;
  const killed = findSuddenEnd(place);
  const entry = {
    workspace_path: place.projectDir,
    socket_path: place.socketLink,
    database_path: place.file(workspace.metadata.database),
    pid: process.pid,
    version: VERSION,
    started_at: timestampAt(startedMs),
  };
  return {
    /** Writes both. After `signal` it waits for no other process: one that was killed may have left the registry locked. */
    async run(signal: AbortSignal): Promise<void> {
      if (killed !== undefined) {
        log.warn('the previous daemon ended without cleaning up: was it killed?', { was: killed });
      }
      log.info('serving', { version: VERSION, workspace: place.projectDir, node: process.version });
      if (signal.aborted) return;
      const failure = await register(registryPath(env), entry, { signal });
      if (failure !== undefined) log.warn(`cannot write the registry: ${failure}`);
    },
    remove: () => unregister(registryPath(env), entry),
  };
}
