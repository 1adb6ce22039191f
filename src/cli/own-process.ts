import { BdError } from '../core/errors.ts';
import type { LocalServices } from './local-services.ts';

/** The services of the client's own process, for commands that only make sense there. */
export function requireServices(
  services: LocalServices | undefined,
  command: string,
): LocalServices {
  if (services !== undefined) return services;
  throw new BdError('USAGE', {
    message: `bd ${command} cannot be run through a daemon`,
    remedy: `Run \`bd ${command}\` in a terminal.`,
  });
}
