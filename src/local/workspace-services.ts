import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InitRequest, UninstallRequest, WorkspaceServices } from '../cli/local-services.ts';
import { selectDirectEnvironment } from '../client/client-environment.ts';
import { lookAtDaemon } from '../client/daemon-health.ts';
import { forget, registryPath } from '../client/registry.ts';
import { stopDaemonsOf } from '../client/stop-daemon.ts';
import { LOCK_WAIT_MS } from '../core/limits.ts';
import { openPlace } from '../place/workspace-place.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import type { InitOptions, InitReport } from '../workspace/init/initialise.ts';
import type { UninstallReport } from '../workspace/init/uninstall.ts';
import { findHere, type ClientHost } from './client-host.ts';
import { removeService } from './service.ts';

const STOPPED = 'stopped the daemon';

type Caller = Pick<ClientHost, 'cwd' | 'env'>;

/** Loads the code of each command when it runs: git runs `bd merge` for every file. */
export function createWorkspaceServices(host: ClientHost): WorkspaceServices {
  return {
    async initialise({ isDryRun, ...request }) {
      const { completeClone } = await import('../workspace/init/present-workspace.ts');
      const options = initOptions(request, host);
      const mayComplete = !request.skipsMergeDriver && request.mode !== 'branch';
      const completed = mayComplete ? await completeClone({ ...options, isDryRun }) : undefined;
      if (completed !== undefined) return completed;
      if (!isDryRun) return await makeWorkspace(request, host);
      const { initialise } = await import('../workspace/init/initialise.ts');
      return await initialise({ ...options, isDryRun });
    },
    uninstall: (request) => removeWorkspace(request, host),
  };
}

/** Holds the workspace's lock, for which it waits at most `waitMs`. */
export async function makeWorkspace(
  request: Omit<InitRequest, 'isDryRun'>,
  caller: Caller,
  { waitMs }: { waitMs: number } = { waitMs: LOCK_WAIT_MS },
): Promise<InitReport> {
  const { initialise } = await import('../workspace/init/initialise.ts');
  const { refuseToInitialise } = await import('../workspace/init/present-workspace.ts');
  const { takeWorkspace } = await import('./take-workspace.ts');
  const { cwd } = caller;
  const options = initOptions(request, caller);
  const beadsDir = join(cwd, '.beads');
  // Before anything is changed, and before waiting for a daemon that serves it.
  refuseToInitialise(cwd, options);
  mkdirSync(beadsDir, { recursive: true });
  const lock = await takeWorkspace(openPlace(beadsDir), { waitMs });
  try {
    return await initialise(options);
  } finally {
    lock.release();
  }
}

async function removeWorkspace(
  request: UninstallRequest,
  host: ClientHost,
): Promise<UninstallReport> {
  const { uninstall } = await import('../workspace/init/uninstall.ts');
  const { takeWorkspace } = await import('./take-workspace.ts');
  const place = findHere(host);
  const env = selectDirectEnvironment(host.env);
  const options = { ...request, place, env, clock: systemClock, log: silentLog };
  if (request.isDryRun) {
    const { state } = await lookAtDaemon(place);
    const report = await uninstall(options);
    const stops = state === 'absent' ? [] : [STOPPED];
    return { ...report, changes: [...stops, ...report.changes] };
  }
  // First, or the service manager would start the daemon again.
  const removed = await removeService(place, host);
  const service = removed === undefined ? [] : [`removed the service ${removed.path}`];
  const { stopped } = await stopDaemonsOf(place, { env: host.env });
  const lock = await takeWorkspace(place, { waitMs: LOCK_WAIT_MS });
  try {
    const report = await uninstall(options);
    await forget(registryPath(host.env), place.socketLink);
    const changes = [...service, ...(stopped ? [STOPPED] : []), ...report.changes];
    return { ...report, changes };
  } finally {
    lock.release();
  }
}

function initOptions(request: Omit<InitRequest, 'isDryRun'>, { cwd, env }: Caller): InitOptions {
  const selected = selectDirectEnvironment(env);
  return { ...request, directory: cwd, env: selected, clock: systemClock, log: silentLog };
}
