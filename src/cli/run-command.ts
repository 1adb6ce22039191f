import { systemClock } from '../platform/clock.ts';
import type { Call } from '../protocol/methods.ts';
import type { CommandIo } from './command-io.ts';
import { execute } from './execute.ts';

/**
 * Runs one command line on an open workspace and returns its exit code. Never throws, and keeps
 * nothing between runs: the daemon runs many at once.
 */
export function runCommand(argv: readonly string[], io: CommandIo, call: Call): Promise<number> {
  return execute(argv, { io, call, services: undefined, clock: systemClock });
}
