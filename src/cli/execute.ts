import { CommanderError, type Command } from 'commander';
import { BdError, toBdError } from '../core/errors.ts';
import { systemClock } from '../platform/clock.ts';
import type { Call } from '../protocol/methods.ts';
import { readArgv } from './argv.ts';
import type { CommandIo } from './command-io.ts';
import { createInvocation, type CommandContext } from './command.ts';
import { watchCalls } from './notices.ts';
import { printFailure } from './output/answer.ts';
import { createProgram } from './program.ts';

/** Runs one command line on an open workspace, for a client. Stateless: the daemon runs many at once. */
export function runCommand(argv: readonly string[], io: CommandIo, call: Call): Promise<number> {
  return execute(argv, { io, call, services: undefined, clock: systemClock });
}

/** Runs one command line; returns its exit code. Prints errors and never throws. */
export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { io } = context;
  let exitCode = 0;
  let command: Command;
  const program = createProgram({
    argv,
    io,
    async run(definition, args, values) {
      const calls = watchCalls(context.call, io);
      const name = fullName(command);
      const invocation = createInvocation({ ...context, call: calls.call }, { name, args, values });
      exitCode = (await definition.run?.(invocation)) ?? 0;
      const { isJson, flags } = invocation;
      if (!isJson && !flags.has('quiet')) await calls.warn();
    },
  });
  command = program;
  let isJson = argv.includes('--json');
  try {
    const read = readArgv(program, argv);
    ({ command, isJson } = read);
    await program.parseAsync(read.argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (isHelpOrVersion(error)) return 0;
    const failure = error instanceof CommanderError ? usageError(error, command) : toBdError(error);
    return printFailure(failure, io, { isJson });
  }
}

function isHelpOrVersion(error: unknown): boolean {
  return error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
}

/** Commander's message is one line, then perhaps `(Did you mean x?)`. */
function usageError(error: CommanderError, command: Command): BdError {
  const [first = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /^\((Did you mean .*\?)\)$/.exec(more.join(' ').trim())?.[1];
  const name = fullName(command);
  const help = `\`${name} --help\` shows what it takes.`;
  const remedy = suggestion === undefined ? help : `${suggestion} ${help}`;
  if (!/missingArgument|excessArguments/.test(error.code)) {
    return new BdError('USAGE', { message: `${first} (${name})`, remedy, cause: error });
  }
  const message = error.code.includes('missing')
    ? first
    : `too many arguments for ${name}: ${command.args.join(' ')}`;
  const usage = `Usage: ${name} ${command.usage()}`;
  return new BdError('USAGE', { message, remedy: usage, cause: error });
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
