import type { CommandIo } from '../cli/command-io.ts';
import type { LocalServices } from '../cli/local-services.ts';
import { execute } from '../cli/execute.ts';
import { systemClock } from '../platform/clock.ts';
import { noWorkspace, type ClientHost } from './client-host.ts';
import { createDaemonServices } from './daemon-services.ts';
import { createFleetServices } from './fleet-services.ts';
import { createServiceInstaller } from './service.ts';
import { createWorkspaceServices } from './workspace-services.ts';

/**
 * Runs a command line without a workspace: commands about daemons, `init`, `merge`, help. Any other command
 * ends with the error that there is none, after its flags were checked.
 */
export async function runLocally(
  argv: readonly string[],
  io: CommandIo,
  host: ClientHost,
): Promise<number> {
  const services: LocalServices = {
    ...createWorkspaceServices(host),
    ...createFleetServices(host),
    ...createDaemonServices(io, host),
    ...createServiceInstaller(host),
    async examine(directory) {
      const { examine } = await import('./doctor.ts');
      return await examine(host, directory);
    },
    async mergeFiles(paths) {
      const { mergePaths } = await import('../workspace/merge-driver.ts');
      return await mergePaths(paths);
    },
  };
  const call = (): Promise<never> => Promise.reject(noWorkspace(io.cwd));
  return await execute(argv, { io, call, services, clock: systemClock });
}
