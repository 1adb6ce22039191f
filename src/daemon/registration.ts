import { register, registryPath, unregister } from '../client/registry.ts';
import { START_SETTLE_MS } from '../core/limits.ts';
import { timestampAt } from '../core/timestamp.ts';
import { VERSION } from '../core/version.ts';
import { findSuddenEnd } from './crash.ts';
import type { DaemonContext } from './daemon-context.ts';

/**
 * The daemon's entry in the registry, and its first line in the log. To be called before the daemon listens.
 * The client that started it waits for its first answer: what is not urgent comes after that, or after a
 * quiet moment.
 */
export function createRegistration(context: DaemonContext) {
  const { place, workspace, env, clock, log, startedMs } = context;
  const killed = findSuddenEnd(place);
  const entry = {
    workspace_path: place.projectDir,
    socket_path: place.socketLink,
    database_path: place.file(workspace.metadata.database),
    pid: process.pid,
    version: VERSION,
    started_at: timestampAt(startedMs),
  };
  const ending = new AbortController();
  const write = async (): Promise<void> => {
    if (killed !== undefined) {
      log.warn('the previous daemon ended without cleaning up: was it killed?', { was: killed });
    }
    log.info('serving', { version: VERSION, workspace: place.projectDir, node: process.version });
    if (ending.signal.aborted) return;
    const failure = await register(registryPath(env), entry, { signal: ending.signal });
    if (failure !== undefined) log.warn(`cannot write the registry: ${failure}`);
  };
  let writing: Promise<void> | undefined;
  const begin = (): Promise<void> => (writing ??= write());
  clock.after(START_SETTLE_MS, () => void begin());
  return {
    /** Writes both, if that was not done before. */
    begin,
    /** Waits for no other process: one that was killed may have left the registry locked. */
    async end(): Promise<void> {
      ending.abort();
      await begin();
    },
    remove: () => unregister(registryPath(env), entry),
  };
}
