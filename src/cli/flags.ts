import { BdError } from '../core/errors.ts';
import { parsePriority } from '../core/issue.ts';
import { parseTimeArgument } from './time-argument.ts';

/** The flags that were given, by long name. Each reader checks the value and names the flag. */
export interface Flags {
  has(name: string): boolean;
  /** The last value given under the first of these names that was given at all. */
  text(...names: string[]): string | undefined;
  /** Every value of all these names, split at commas. */
  list(...names: string[]): string[] | undefined;
  number(name: string): number | undefined;
  priority(name: string): number | undefined;
  /** RFC 3339; an empty text stays one, as it clears the field. */
  time(name: string): string | undefined;
  choice<const Name extends string>(name: string, names: readonly Name[]): Name | undefined;
}

export function createFlags(
  values: ReadonlyMap<string, readonly string[]>,
  { nowMs, timeZone }: { nowMs: number; timeZone: string | undefined },
): Flags {
  const last = (name: string): string | undefined => values.get(name)?.at(-1);
  return {
    has: (name) => values.has(name),

    text(...names) {
      const name = names.find((candidate) => values.has(candidate));
      return name === undefined ? undefined : last(name);
    },

    list(...names) {
      if (!names.some((name) => values.has(name))) return undefined;
      return names.flatMap((name) => (values.get(name) ?? []).flatMap(splitAtCommas));
    },

    number(name) {
      const text = last(name);
      if (text === undefined) return undefined;
      if (/^\d{1,9}$/.test(text)) return Number(text);
      throw wrongValue(name, text, 'Give a whole number, 0 or more.');
    },

    priority(name) {
      const text = last(name);
      if (text === undefined) return undefined;
      const priority = parsePriority(text);
      if (priority !== undefined) return priority;
      throw new BdError('INVALID_VALUE', {
        message: `invalid priority "${text}" for --${name}`,
        remedy: 'Use 0 (most urgent) to 4, or P0 to P4.',
      });
    },

    time(name) {
      const text = last(name);
      if (text === undefined || text === '') return text;
      const time = parseTimeArgument(text, { nowMs, timeZone });
      if (time !== undefined) return time;
      throw new BdError('INVALID_VALUE', {
        message: `invalid --${name} format "${text}"`,
        remedy: 'Use 2026-03-01, 2026-03-01T09:00:00Z, +3d, +2h, +1w or tomorrow.',
      });
    },

    choice(name, names) {
      const text = last(name);
      if (text === undefined) return undefined;
      const found = names.find((candidate) => candidate === text);
      if (found !== undefined) return found;
      throw wrongValue(name, text, `Use one of: ${names.join(', ')}.`);
    },
  };
}

function splitAtCommas(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function wrongValue(name: string, text: string, remedy: string): BdError {
  return new BdError('INVALID_VALUE', { message: `invalid value "${text}" for --${name}`, remedy });
}
