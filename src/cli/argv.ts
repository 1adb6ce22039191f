import type { Command, Option } from 'commander';
import { BdError } from '../core/errors.ts';

/**
 * Finds the deepest command that is named, and rewrites `--flag=true` and `--flag=false` in the form that
 * commander knows; everything else stays as typed. `isJson` counts anywhere, so that an error about the rest
 * is JSON too.
 */
export function readArgv(program: Command, argv: readonly string[]) {
  const read: string[] = [];
  let command = program;
  let isJson = false;
  let isPastCommands = false;
  for (let index = 0; index < argv.length; index++) {
    const arg = argv[index] ?? '';
    if (arg === '--') {
      read.push(...argv.slice(index));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      const named = isPastCommands ? undefined : findCommand(command, arg);
      if (named === undefined) isPastCommands = true;
      command = named ?? command;
      read.push(arg);
      continue;
    }
    const equals = arg.indexOf('=');
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const value = equals < 0 ? undefined : arg.slice(equals + 1);
    const option = command.options.find((each) => each.long === name || each.short === name);
    if (option === undefined || (value === undefined && !option.required)) read.push(arg);
    else if (option.required) {
      const isInNext = value === undefined && index + 1 < argv.length;
      read.push(name, ...(isInNext ? [argv[++index] ?? ''] : value === undefined ? [] : [value]));
    } else if (isTrue(option, value ?? '')) read.push(name);
    if (name === '--json') isJson = value === undefined || read.at(-1) === '--json';
  }
  return { argv: read, command, isJson };
}

function findCommand(command: Command, name: string): Command | undefined {
  return command.commands.find((each) => each.name() === name || each.aliases().includes(name));
}

function isTrue(option: Option, value: string): boolean {
  if (/^(true|t|1|yes)$/i.test(value)) return true;
  if (/^(false|f|0|no)$/i.test(value)) return false;
  throw new BdError('USAGE', {
    message: `invalid value "${value}" for ${option.long ?? option.flags}`,
    remedy: 'It is on or off: use true or false, or the flag alone.',
  });
}
