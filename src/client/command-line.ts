/** The parts of a command line that the client needs; the command itself parses all of it. */
export type CommandLine = ReturnType<typeof readCommandLine>;

/** Global flags with a value; the same as in cli/program.ts. */
export const VALUE_FLAGS = new Set([
  '--db',
  '--actor',
  '--directory',
  '-C',
  '--lock-timeout',
  '--dolt-auto-commit',
]);

/** Commands that run in the client's process, with or without a workspace: those with `runsLocally`. */
export const LOCAL_COMMANDS = new Set([
  'init',
  'uninstall',
  'merge',
  'daemon',
  'daemons',
  'doctor',
  'mcp',
  'version',
  'help',
]);

/** Flags count before and after the command, up to `--`: classic clients put them in both places. */
export function readCommandLine(argv: readonly string[]) {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const at = findCommand(words);
  const command = words[at];
  const globals = words.slice(0, at);
  return {
    /** The first word that is no global flag; undefined when there is none. */
    command,
    /** `--version` or `--help` in place of a command. */
    asksAboutProgram:
      command === undefined || globals.some((word) => ['--version', '-V'].includes(word)),
    asksForHelp: words.some((word) => word === '--help' || word === '-h'),
    refusesDaemon: isSet(words, '--no-daemon') || isSet(words, '--sandbox'),
    wantsJson: isSet(words, '--json'),
    database: valueOf(words, '--db'),
    lockTimeout: valueOf(words, '--lock-timeout'),
    directory: valueOf(words, '--directory') ?? valueOf(globals, '-C'),
  };
}

export function isLocal(line: CommandLine): boolean {
  return line.asksAboutProgram || (line.command !== undefined && LOCAL_COMMANDS.has(line.command));
}

/** Whether the command may create the workspace of a fresh clone: not when it only shows where things are. */
export function mayJoin(line: CommandLine): boolean {
  return !line.asksForHelp && line.command !== 'where';
}

function findCommand(words: readonly string[]): number {
  let at = 0;
  while (words[at]?.startsWith('-')) at += VALUE_FLAGS.has(words[at] ?? '') ? 2 : 1;
  return Math.min(at, words.length);
}

/** The last one counts, as in commander. */
function isSet(words: readonly string[], flag: string): boolean {
  const last = words.findLast((word) => word === flag || word.startsWith(`${flag}=`));
  return last !== undefined && !['false', '0'].includes(last.slice(flag.length + 1));
}

function valueOf(words: readonly string[], flag: string): string | undefined {
  const at = words.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`));
  const word = words[at];
  return word === flag ? words[at + 1] : word?.slice(flag.length + 1);
}
