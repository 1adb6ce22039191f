import { systemClock } from '../platform/clock.ts';
import { noWorkspace } from './client-host.ts';
import type { CommandIo } from '../cli/command-io.ts';
import { execute } from '../cli/execute.ts';
import type { LocalServices } from '../cli/local-services.ts';

/**
 * Runs a command line without a workspace: what concerns daemons, `init`, help. Any other command
 * ends with the error that there is none, after its flags were checked.
 */
export function runLocalCommand(
  argv: readonly string[],
  io: CommandIo,
  services: LocalServices,
): Promise<number> {
  const call = (): Promise<never> => Promise.reject(noWorkspace(io.cwd));
  return execute(argv, { io, call, services, clock: systemClock });
}
