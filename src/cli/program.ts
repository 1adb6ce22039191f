import { Command, Option } from 'commander';
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
  return COMMANDS.some(({ name, aliases = [] }) => [name, ...aliases].includes(word));
}

interface ProgramOptions {
  argv: readonly string[];
  io: CommandIo;
  run: RunDefinition;
}

/** Runs `definition` with the words after it and with every flag that was given. */
type RunDefinition = (
  definition: CommandDefinition,
  args: readonly string[],
  flags: ReadonlyMap<string, readonly string[]>,
) => Promise<void>;

/**
 * The command tree, built for each run, as commander keeps the state of a parse in it. Help and version go to
 * `io`; errors are thrown. Only commands that `argv` may name get their flags: all of them would cost each
 * run two milliseconds.
 */
export function createProgram({ argv, io, run }: ProgramOptions): Command {
  const flags = new Map<string, string[]>();
  const words = new Set(argv);
  const program = new Command('bd')
    .description('An issue tracker that lives in your git repository.')
    .usage('[flags] <command>')
    .version(`bd version ${VERSION}`, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help, or a command’s')
    .addHelpCommand(helpCommand())
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => io.stdout(text),
      // Only the help in place of a missing command is written here; execute() prints errors.
      writeErr: (text) => io.stdout(text),
      outputError: () => {},
      getOutHelpWidth: () => (io.columns > 0 ? io.columns : 80),
      getErrHelpWidth: () => (io.columns > 0 ? io.columns : 80),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  addFlags(program, [...GLOBAL_FLAGS, ['-C <path>', '']], flags);
  for (const [heading, definitions] of Object.entries(GROUPS)) {
    for (const definition of definitions) {
      addCommand(program, definition, { words, flags, run }).helpGroup(heading);
    }
  }
  return program;
}

function helpCommand(): Command {
  return new Command('help')
    .argument('[command]')
    .description('Show the help of a command')
    .helpOption(false)
    .helpGroup('Daemon and tools:');
}

interface Building {
  words: ReadonlySet<string>;
  flags: Map<string, string[]>;
  run: RunDefinition;
}

function addCommand(parent: Command, definition: CommandDefinition, building: Building): Command {
  const { name, aliases = [], about, parameters, subcommands = [] } = definition;
  const { words, flags, run } = building;
  const command = parent.command(name, { hidden: about === '' }).description(about);
  command.aliases(aliases);
  if (parameters !== undefined) command.arguments(parameters);
  if (![name, ...aliases].some((word) => words.has(word))) return command;
  addFlags(command, definition.flags ?? [], flags);
  addGlobalFlags(command, flags);
  for (const subcommand of subcommands) addCommand(command, subcommand, building);
  if (subcommands.length === 0 || parameters !== undefined) {
    return command.action(() => run(definition, command.args, flags));
  }
  // Accepts any words, so that the error can name the unknown subcommand.
  return command.allowExcessArguments().action(async () => {
    if (definition.run === undefined || command.args.length > 0) {
      throw missingSubcommand(definition, command.args);
    }
    await run(definition, command.args, flags);
  });
}

/** Adds them to each command too, unless it has a flag of that name, so that they may follow it. */
function addGlobalFlags(command: Command, flags: Map<string, string[]>): void {
  const taken = new Set(command.options.flatMap(({ short, long }) => [short, long]));
  for (const [notation] of GLOBAL_FLAGS) {
    const option = new Option(notation).hideHelp();
    const isTaken =
      taken.has(option.long) || (option.short !== undefined && taken.has(option.short));
    if (!isTaken) addOption(command, option, flags);
  }
}

function addFlags(
  command: Command,
  definitions: readonly FlagDefinition[],
  flags: Map<string, string[]>,
): void {
  for (const [notation, about] of definitions) {
    addOption(command, new Option(notation, about).hideHelp(about === ''), flags);
  }
}

/** Collects every value, as commander keeps the last one only and folds `--no-x` into `x`. */
function addOption(command: Command, option: Option, flags: Map<string, string[]>): void {
  command.addOption(option);
  command.on(`option:${option.name()}`, (value: string | null) => {
    flags.set(option.name(), [...(flags.get(option.name()) ?? []), value ?? '']);
  });
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
