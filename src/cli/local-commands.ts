import { BdError } from '../core/errors.ts';
import { systemClock } from '../platform/clock.ts';
import type { CommandIo } from './command-io.ts';
import { execute } from './execute.ts';
import type { LocalServices } from './local-services.ts';

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

function noWorkspace(cwd: string): BdError {
  return new BdError('NO_WORKSPACE', {
    message: 'no beads database found',
    remedy: `Run \`bd init\` in your project, or go there: nothing above ${cwd} has a .beads directory.`,
  });
}
