import { readActor } from '../client/client-environment.ts';
import { BdError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { METHODS, type Call } from '../protocol/methods.ts';
import type { CommandIo } from './command-io.ts';
import { Flags } from './flags.ts';
import type { LocalServices } from './local-services.ts';
import { toJson } from './output/answer.ts';
import { createScreen } from './output/screen.ts';

/**
 * One flag in commander's notation and what it is for: `['-r, --reason <text>', 'why']`. A flag
 * without `<value>` is a boolean one. An empty description keeps it out of the help: such flags are
 * other spellings, or accepted because classic clients send them.
 */
export type FlagDefinition = readonly [flags: string, about: string];

export interface CommandDefinition {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** `<required>`, `[optional]`, `[several...]`, in commander's notation. */
  readonly parameters?: string;
  readonly about: string;
  readonly flags?: readonly FlagDefinition[];
  /** In the client's own process, with its services; keep in step with `LOCAL_COMMANDS` of client/command-line.ts. */
  readonly runsLocally?: boolean;
  readonly subcommands?: readonly CommandDefinition[];
  /** Returns the exit code when it is not 0. Without it, one of the subcommands must be named. */
  readonly run?: (invocation: Invocation) => Promise<number | void>;
}

/** Only one of the two is printed. An empty text prints nothing; one that takes long to make is a function. */
export interface Answer {
  json: unknown;
  text: string | (() => string);
}

/** What a command line runs with. */
export interface CommandContext {
  io: CommandIo;
  call: Call;
  /** Undefined where a daemon runs the command, which cannot start or stop daemons for its client. */
  services: LocalServices | undefined;
  clock: Clock;
}

export type Invocation = ReturnType<typeof createInvocation>;

/** What the code of a command works with; `name` is for messages. */
export function createInvocation(
  { io, call, services, clock }: CommandContext,
  {
    name,
    args,
    values,
  }: { name: string; args: readonly string[]; values: ReadonlyMap<string, readonly string[]> },
) {
  const now = { nowMs: clock.nowMs(), timeZone: io.env['TZ'] };
  const flags = new Flags(values, now);
  const isJson = flags.has('json');
  /** The answer, in the one form that was asked for. */
  const print = ({ json, text }: Answer): void => {
    const answer = isJson ? toJson(json) : typeof text === 'string' ? text : text();
    if (answer !== '') io.stdout(answer);
  };
  return {
    args,
    flags,
    io,
    screen: createScreen(io),
    call: flags.has('readonly') ? readingOnly(call) : call,
    /** Throws where there are none. */
    get services(): LocalServices {
      if (services === undefined) throw needsTerminal(name);
      return services;
    },
    /** From the command line or the environment; undefined when neither names one. */
    actor: flags.text('actor') ?? readActor(io.env),
    isJson,
    now,
    print,
    /** The same for a change, whose text `--quiet` leaves out. */
    confirm: (answer: Answer): void => {
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
