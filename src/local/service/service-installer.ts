import { stopDaemonsOf } from '../../client/stop-daemon.ts';
import { BdError } from '../../core/errors.ts';
import { findHere, type ClientHost } from '../client-host.ts';
import { describeService, type ServiceFile } from './service-file.ts';
import {
  installService,
  readServiceStatus,
  uninstallService,
  type ServiceReport,
  type ServiceStatus,
} from './service.ts';

/** Has the system's service manager run the daemon of this workspace, instead of the first command. */
export interface ServiceInstaller {
  installService(): Promise<ServiceReport>;
  /** Undefined when there is none. */
  uninstallService(): Promise<ServiceReport | undefined>;
  serviceStatus(): Promise<ServiceStatus>;
}

export function createServiceInstaller(host: ClientHost): ServiceInstaller {
  const { env } = host;
  return {
    async installService() {
      const beadsDir = findHere(host);
      const file = requireService(beadsDir, host);
      // One serves at a time: the service's own would find the workspace taken, and end.
      await stopDaemonsOf(beadsDir, { env });
      return await installService(file, env);
    },
    uninstallService: async () => await uninstallService(requireService(findHere(host), host), env),
    serviceStatus: async () => await readServiceStatus(requireService(findHere(host), host), env),
  };
}

/** With its workspace; undefined when there is none. */
export async function removeService(
  beadsDir: string,
  host: ClientHost,
): Promise<ServiceReport | undefined> {
  const service = serviceOf(beadsDir, host);
  return service && (await uninstallService(service, host.env));
}

/** The service of a workspace, whether it is installed or not; undefined where bd knows no manager. */
function serviceOf(
  beadsDir: string,
  { program, env, cliFile }: ClientHost,
): ServiceFile | undefined {
  const wish = {
    beadsDir,
    program: [program.execPath, cliFile] as const,
    path: env['PATH'] ?? '/usr/bin:/bin',
  };
  return describeService(wish, { platform: process.platform, env });
}

function requireService(beadsDir: string, host: ClientHost): ServiceFile {
  const service = serviceOf(beadsDir, host);
  if (service !== undefined) return service;
  throw new BdError('USAGE', {
    message: `bd knows no service manager on ${process.platform}`,
    remedy: 'Have yours run `bd daemon run --stay` in the project.',
  });
}
