import type { Call } from '../protocol/methods.ts';
import type { CommandIo } from './command-io.ts';
import type { Flags } from './flags.ts';
import type { LocalServices } from './local-services.ts';
import type { Screen } from './output/screen.ts';

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

/** An empty text prints nothing. */
export interface Answer {
  json: unknown;
  text: string;
}

export interface Invocation {
  readonly args: readonly string[];
  readonly flags: Flags;
  readonly io: CommandIo;
  readonly screen: Screen;
  readonly call: Call;
  /** Throws where a daemon runs the command, which cannot start or stop daemons for its client. */
  readonly services: LocalServices;
  /** From the command line or the environment; undefined when neither names one. */
  readonly actor: string | undefined;
  readonly isJson: boolean;
  readonly nowMs: number;
  /** The answer, in the one form that was asked for. */
  readonly print: (answer: Answer) => void;
  /** The same for a change, whose text `--quiet` leaves out. */
  readonly confirm: (answer: Answer) => void;
}
