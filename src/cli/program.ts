import { Command, CommanderError, Help, Option } from 'commander';
import { readCommandLine } from '../client/command-line.ts';
import { BdError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import type { CommandIo } from './command-io.ts';
import type { CommandDefinition, FlagDefinition } from './command.ts';
import { childrenCommand, epicCommand } from './commands/epic.ts';
import { closeCommand, reopenCommand } from './commands/close.ts';
import { commentCommand, commentsCommand } from './commands/comments.ts';
import { configCommand } from './commands/config.ts';
import { conflictsCommand } from './commands/conflicts.ts';
import { countCommand } from './commands/count.ts';
import { createCommand, quickCommand } from './commands/create.ts';
import { daemonCommand } from './commands/daemon.ts';
import { daemonsCommand } from './commands/daemons.ts';
import { deleteCommand, restoreCommand } from './commands/delete.ts';
import { depCommand } from './commands/dep.ts';
import { doctorCommand } from './commands/doctor.ts';
import { exportCommand } from './commands/export.ts';
import { importCommand } from './commands/import.ts';
import { infoCommand, versionCommand, whereCommand } from './commands/info.ts';
import { initCommand } from './commands/init.ts';
import { labelCommand } from './commands/label.ts';
import { listCommand, searchCommand } from './commands/list.ts';
import { mcpCommand } from './commands/mcp.ts';
import { mergeCommand } from './commands/merge.ts';
import { migrateCommand } from './commands/migrate.ts';
import { blockedCommand, readyCommand } from './commands/ready.ts';
import { showCommand } from './commands/show.ts';
import { staleCommand } from './commands/stale.ts';
import { statusCommand } from './commands/status.ts';
import { syncCommand } from './commands/sync.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { updateCommand } from './commands/update.ts';

const GROUPS: Readonly<Record<string, readonly CommandDefinition[]>> = {
  'Issues:': [
    createCommand,
    quickCommand,
    showCommand,
    updateCommand,
    closeCommand,
    reopenCommand,
    deleteCommand,
    restoreCommand,
  ],
  'Finding work:': [
    readyCommand,
    listCommand,
    searchCommand,
    blockedCommand,
    childrenCommand,
    staleCommand,
    countCommand,
    statusCommand,
  ],
  'Structure:': [depCommand, labelCommand, commentsCommand, commentCommand, epicCommand],
  'Project:': [
    initCommand,
    syncCommand,
    conflictsCommand,
    importCommand,
    exportCommand,
    mergeCommand,
    configCommand,
    migrateCommand,
    whereCommand,
    infoCommand,
    uninstallCommand,
  ],
  'Daemon and tools:': [daemonCommand, daemonsCommand, doctorCommand, mcpCommand, versionCommand],
};

/** Accepted before and after the command; flags without a description are for classic clients. */
const GLOBAL_FLAGS: readonly FlagDefinition[] = [
  ['--json', 'print JSON'],
  ['--actor <name>', 'who acts (default: BD_ACTOR, then git user.name)'],
  ['--db <path>', 'the workspace, by its database or .beads directory'],
  ['--directory <path>', 'run as if started there; before the command also -C'],
  ['--no-daemon', 'run in this process, without starting a daemon'],
  ['--readonly', 'refuse every change'],
  ['-q, --quiet', 'print nothing about changes that succeeded'],
  ['-v, --verbose', ''],
  ['--sandbox', ''],
  ['--no-auto-flush', ''],
  ['--no-auto-import', ''],
  ['--allow-stale', ''],
  ['--no-db', ''],
  ['--global', ''],
  ['--profile', ''],
  ['--lock-timeout <duration>', 'how long to wait for another command when there is no daemon'],
  ['--dolt-auto-commit <mode>', ''],
];

export const COMMANDS = Object.values(GROUPS).flat();

export function isCommandName(word: string): boolean {
  return COMMANDS.some((command) => namesOf(command).includes(word));
}

function namesOf({ name, aliases = [] }: CommandDefinition): string[] {
  return [name, ...aliases];
}

/** Those that were needed so far, by the name of their command; the whole tree by an empty one. */
const programs = new Map<string, Program>();

/** The whole tree only for help and for words that are no command: building it takes a first call 8 ms. */
export function programFor(argv: readonly string[]): Program {
  const { command = '', asksForHelp } = readCommandLine(argv);
  const named = COMMANDS.find((each) => namesOf(each).includes(command));
  const only = asksForHelp ? undefined : named;
  const key = only?.name ?? '';
  const program = programs.get(key) ?? new Program(only);
  programs.set(key, program);
  return program;
}

/** What a command line asks for. */
export interface ParsedCommand {
  definition: CommandDefinition;
  /** In full, such as `bd dep add`. */
  name: string;
  args: readonly string[];
  /** Every flag that was given, with each of its values. */
  flags: ReadonlyMap<string, readonly string[]>;
}

/** A command in the tree. It gets its parts when a command line first names it. */
interface Branch {
  command: Command;
  definition: CommandDefinition;
  subcommands?: Branch[];
}

/**
 * The command tree, or the branch of one command, for one command line after another. Commander keeps the
 * state of a parse in it, so a parse is over when `parse` returns.
 */
export class Program {
  readonly root: Command;
  readonly #branches: Branch[] = [];
  #io: CommandIo | undefined;
  #flags = new Map<string, string[]>();
  #parsed: ParsedCommand | undefined;

  constructor(only?: CommandDefinition) {
    this.root = new Command('bd')
      .description('An issue tracker that lives in your git repository.')
      .usage('[flags] <command>')
      .version(`bd version ${VERSION}`, '-V, --version', 'print the version')
      .helpOption('-h, --help', 'show this help, or a command’s')
      .addHelpCommand(helpCommand())
      .enablePositionalOptions()
      .exitOverride()
      .configureHelp({
        showGlobalOptions: false,
        // Whether a command has its flags yet is none of the reader's business.
        subcommandTerm: (command) => new Help().subcommandTerm(command).replace(' [options]', ''),
      })
      .configureOutput({
        writeOut: (text) => this.#io?.stdout(text),
        // Only the help in place of a missing command is written here; execute() prints errors.
        writeErr: (text) => this.#io?.stdout(text),
        outputError: () => {},
        getOutHelpWidth: () => this.#io?.columns || 80,
        getErrHelpWidth: () => this.#io?.columns || 80,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      });
    this.#addFlags(this.root, [...GLOBAL_FLAGS, ['-C <path>', '']]);
    for (const [heading, definitions] of Object.entries(GROUPS)) {
      for (const definition of definitions.filter((each) => (only ?? each) === each)) {
        const branch = addBranch(this.root, definition);
        branch.command.helpGroup(heading);
        this.#branches.push(branch);
      }
    }
  }

  /** Gives the commands that the words may name their flags and subcommands. */
  prepare(argv: readonly string[]): void {
    this.#prepare(this.#branches, new Set(argv));
  }

  /** Undefined when help or the version was asked for, and printed. Throws `CommanderError`, or `USAGE`. */
  parse(argv: readonly string[], io: CommandIo): ParsedCommand | undefined {
    this.#io = io;
    this.#flags = new Map();
    this.#parsed = undefined;
    try {
      this.root.parse(argv, { from: 'user' });
    } catch (error) {
      if (!isHelpOrVersion(error)) throw error;
    }
    return this.#parsed;
  }

  #prepare(branches: readonly Branch[], words: ReadonlySet<string>): void {
    for (const branch of branches) {
      if (!namesOf(branch.definition).some((word) => words.has(word))) continue;
      branch.subcommands ??= this.#complete(branch);
      this.#prepare(branch.subcommands, words);
    }
  }

  #complete({ command, definition }: Branch): Branch[] {
    const { parameters, subcommands = [], flags = [] } = definition;
    this.#addFlags(command, flags);
    this.#addGlobalFlags(command);
    const note = (): void => {
      const { args } = command;
      this.#parsed = { definition, name: fullName(command), args, flags: this.#flags };
    };
    if (subcommands.length === 0 || parameters !== undefined) command.action(note);
    else {
      // Accepts any words, so that the error can name the unknown subcommand.
      command.allowExcessArguments().action(() => {
        if (definition.run !== undefined && command.args.length === 0) note();
        else throw missingSubcommand(definition, command.args);
      });
    }
    return subcommands.map((subcommand) => addBranch(command, subcommand));
  }

  /** Adds them to each command too, unless it has a flag of that name, so that they may follow it. */
  #addGlobalFlags(command: Command): void {
    const taken = new Set(command.options.flatMap(({ short, long }) => [short, long]));
    for (const [notation] of GLOBAL_FLAGS) {
      const option = new Option(notation).hideHelp();
      const isTaken =
        taken.has(option.long) || (option.short !== undefined && taken.has(option.short));
      if (!isTaken) this.#addOption(command, option);
    }
  }

  #addFlags(command: Command, definitions: readonly FlagDefinition[]): void {
    for (const [notation, about] of definitions) {
      this.#addOption(command, new Option(notation, about).hideHelp(about === ''));
    }
  }

  /** Collects every value, as commander keeps the last one only and folds `--no-x` into `x`. */
  #addOption(command: Command, option: Option): void {
    const name = option.name();
    // Commander works it out again for each option of a command in each parse.
    const attribute = option.attributeName();
    option.attributeName = () => attribute;
    command.addOption(option);
    command.on(`option:${name}`, (value: string | null) => {
      this.#flags.set(name, [...(this.#flags.get(name) ?? []), value ?? '']);
    });
  }
}

/** As it is typed, such as `bd dep add`. */
export function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function isHelpOrVersion(error: unknown): boolean {
  return error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
}

function addBranch(parent: Command, definition: CommandDefinition): Branch {
  const { name, aliases = [], about, parameters } = definition;
  const command = parent.command(name, { hidden: about === '' }).description(about);
  command.aliases(aliases);
  if (parameters !== undefined) command.arguments(parameters);
  return { command, definition };
}

function helpCommand(): Command {
  return new Command('help')
    .argument('[command]')
    .description('Show the help of a command')
    .helpOption(false)
    .helpGroup('Daemon and tools:');
}

function missingSubcommand(
  { name, subcommands = [] }: CommandDefinition,
  [word]: readonly string[],
): BdError {
  const names = subcommands.filter(({ about }) => about !== '').map((each) => each.name);
  return new BdError('USAGE', {
    message:
      word === undefined ? `bd ${name} needs a subcommand` : `unknown command "bd ${name} ${word}"`,
    remedy: `Use one of: ${names.map((each) => `bd ${name} ${each}`).join(', ')}.`,
  });
}
