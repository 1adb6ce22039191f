import { CommanderError, type Command } from 'commander';
import { BdError, toBdError } from '../core/errors.ts';
import { systemClock } from '../platform/clock.ts';
import type { Call } from '../protocol/methods.ts';
import { readArgv } from './argv.ts';
import type { CommandIo } from './command-io.ts';
import { createInvocation, type CommandContext } from './command.ts';
import { watchCalls } from './notices.ts';
import { printFailure } from './output/answer.ts';
import { fullName, programFor, type ParsedCommand } from './program.ts';

/** Runs one command line on an open workspace, for a client. Stateless: the daemon runs many at once. */
export function runCommand(argv: readonly string[], io: CommandIo, call: Call): Promise<number> {
  return execute(argv, { io, call, services: undefined, clock: systemClock });
}

/** Runs one command line; returns its exit code. Prints errors and never throws. */
export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { io } = context;
  const program = programFor(argv);
  let command = program.root;
  let isJson = argv.includes('--json');
  try {
    program.prepare(argv);
    const read = readArgv(program.root, argv);
    ({ command, isJson } = read);
    const line = program.parse(read.argv, io);
    return line === undefined ? 0 : await run(line, context);
  } catch (error) {
    const failure = error instanceof CommanderError ? usageError(error, command) : toBdError(error);
    return printFailure(failure, io, { isJson });
  }
}

async function run(
  { definition, name, args, flags: values }: ParsedCommand,
  context: CommandContext,
): Promise<number> {
  const calls = watchCalls(context.call, context.io);
  const invocation = createInvocation({ ...context, call: calls.call }, { name, args, values });
  const exitCode = (await definition.run?.(invocation)) ?? 0;
  const { isJson, flags } = invocation;
  if (!isJson && !flags.has('quiet')) await calls.warn();
  return exitCode;
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
