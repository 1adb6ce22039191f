import { CommanderError, type Command } from 'commander';
import { readActor } from '../client/client-environment.ts';
import { BdError, toBdError } from '../core/errors.ts';
import { systemClock, type Clock } from '../platform/clock.ts';
import { METHODS, withNotes, type Call } from '../protocol/methods.ts';
import { readArgv } from './argv.ts';
import type { CommandIo } from './command-io.ts';
import type { Invocation } from './command.ts';
import { Flags } from './flags.ts';
import type { LocalServices } from './local-services.ts';
import { printFailure, toJson } from './output/answer.ts';
import { createScreen } from './output/screen.ts';
import { renderMirrorNote, watchChanges } from './notices.ts';
import { createProgram } from './program.ts';

/** What a command line runs with. */
export interface CommandContext {
  io: CommandIo;
  call: Call;
  services: LocalServices | undefined;
  clock: Clock;
}

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
      const flags = new Flags(values, { nowMs: context.clock.nowMs(), timeZone: io.env['TZ'] });
      const printed = new Set<string>();
      const changes = watchChanges(
        withNotes(context.call, (notes) => {
          const text = renderMirrorNote(notes);
          if (!printed.has(text)) io.stderr(text);
          printed.add(text);
        }),
      );
      const invocation = createInvocation({
        name: fullName(command),
        args,
        flags,
        context: { ...context, call: changes.call },
      });
      exitCode = (await definition.run?.(invocation)) ?? 0;
      if (!flags.has('json') && !flags.has('quiet')) await changes.warn(io);
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

function createInvocation({
  name,
  args,
  flags,
  context: { io, call, services, clock },
}: {
  name: string;
  args: readonly string[];
  flags: Flags;
  context: CommandContext;
}): Invocation {
  const isJson = flags.has('json');
  const print: Invocation['print'] = ({ json, text }) => {
    const answer = isJson ? toJson(json) : text;
    if (answer !== '') io.stdout(answer);
  };
  return {
    args,
    flags,
    io,
    screen: createScreen(io),
    call: flags.has('readonly') ? readingOnly(call) : call,
    get services() {
      if (services === undefined) throw needsTerminal(name);
      return services;
    },
    actor: flags.text('actor') ?? readActor(io.env),
    isJson,
    nowMs: clock.nowMs(),
    print,
    confirm(answer) {
      if (isJson || !flags.has('quiet')) print(answer);
    },
  };
}

function readingOnly(call: Call): Call {
  return async (method, params) => {
    if (METHODS[method].effect === 'read') return await call(method, params);
    throw new BdError('USAGE', {
      message: `${method} is refused by --readonly`,
      remedy: 'Leave --readonly out to change something.',
    });
  };
}

function needsTerminal(name: string): BdError {
  return new BdError('USAGE', {
    message: `${name} cannot be run through a daemon`,
    remedy: `Run \`${name}\` in a terminal.`,
  });
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
  const usage = `${name} ${command.usage()}`;
  return new BdError('USAGE', {
    message,
    remedy: `Usage: ${usage}`,
    cause: error,
  });
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
