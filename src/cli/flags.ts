import { BdError } from '../core/errors.ts';
import { parsePriority } from '../core/issue.ts';
import { parseTimeArgument, type Now } from './time-argument.ts';

/** The flags that were given, by long name. Each reader checks the value and names the flag. */
export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #now: Now;

  constructor(values: ReadonlyMap<string, readonly string[]>, now: Now) {
    this.#values = values;
    this.#now = now;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** For a parameter that is left out unless the flag was given. */
  isSet(name: string): true | undefined {
    return this.has(name) ? true : undefined;
  }

  /** The last value of the first of these names that was given. */
  text(...names: string[]): string | undefined {
    const name = names.find((candidate) => this.has(candidate));
    return name === undefined ? undefined : this.#values.get(name)?.at(-1);
  }

  /** Every value of all these names, split at commas. */
  list(...names: string[]): string[] | undefined {
    const values = names.flatMap((name) => this.#values.get(name) ?? []);
    return values.length === 0 ? undefined : values.flatMap(splitAtCommas);
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw wrongValue(name, text, 'Give a whole number, 0 or more.');
  }

  priority(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const priority = parsePriority(text);
    if (priority !== undefined) return priority;
    throw new BdError('INVALID_VALUE', {
      message: `invalid priority "${text}" for --${name}`,
      remedy: 'Use 0 (most urgent) to 4, or P0 to P4.',
    });
  }

  /** RFC 3339; an empty text stays one, as it clears the field. */
  time(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined || text === '') return text;
    const time = parseTimeArgument(text, this.#now);
    if (time !== undefined) return time;
    throw new BdError('INVALID_VALUE', {
      message: `invalid --${name} format "${text}"`,
      remedy: 'Use 2026-03-01, 2026-03-01T09:00:00Z, +3d, +2h, +1w or tomorrow.',
    });
  }

  choice<const Name extends string>(name: string, names: readonly Name[]): Name | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const found = names.find((candidate) => candidate === text);
    if (found !== undefined) return found;
    throw wrongValue(name, text, `Use one of: ${names.join(', ')}.`);
  }
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
