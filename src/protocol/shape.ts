import { BdError } from '../core/errors.ts';
import { isRecord } from '../core/issue-line.ts';

/**
 * What a value from outside must look like. `json` is the same as JSON Schema (2020-12), for MCP;
 * `check` returns the value or throws `INVALID_VALUE` naming the place and the value.
 * Small and our own because every daemon loads it: a schema library costs 35 ms and 14 MB.
 */
export interface Shape<T> {
  readonly json: Readonly<Record<string, unknown>>;
  readonly optional?: true;
  check(value: unknown, place: string): T;
}

type OptionalShape<T> = Shape<T | undefined> & { readonly optional: true };

export type Members = Readonly<Record<string, Shape<unknown>>>;

type OptionalKeys<M extends Members> = {
  [K in keyof M]: M[K] extends { readonly optional: true } ? K : never;
}[keyof M];

export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

type ObjectOf<M extends Members> = {
  [K in Exclude<keyof M, OptionalKeys<M>>]: ShapeOf<M[K]>;
} & { [K in OptionalKeys<M>]?: ShapeOf<M[K]> };

export function text({ max, min = 0 }: { max: number; min?: number }): Shape<string> {
  return {
    json: { type: 'string', maxLength: max, ...(min > 0 ? { minLength: min } : {}) },
    check(value, place) {
      if (typeof value !== 'string') throw wrong(place, 'a text', value);
      if (value.length < min) throw wrong(place, 'a text that is not empty', value);
      if (value.length > max) throw wrong(place, `a text of at most ${max} characters`, value);
      return value;
    },
  };
}

export function matching(pattern: RegExp, what: string): Shape<string> {
  return {
    json: { type: 'string', pattern: pattern.source },
    check(value, place) {
      if (typeof value !== 'string' || !pattern.test(value)) throw wrong(place, what, value);
      return value;
    },
  };
}

/** A text as `one` checks it, or anything else as `other` does. */
export function either<T>(one: Shape<string>, other: Shape<T>): Shape<string | T> {
  return {
    json: { anyOf: [one.json, other.json] },
    check: (value, place) => (typeof value === 'string' ? one : other).check(value, place),
  };
}

export function integer({ min, max }: { min: number; max: number }): Shape<number> {
  return {
    json: { type: 'integer', minimum: min, maximum: max },
    check(value, place) {
      if (!Number.isInteger(value) || Number(value) < min || Number(value) > max) {
        throw wrong(place, `a whole number from ${min} to ${max}`, value);
      }
      return Number(value);
    },
  };
}

export function flag(): Shape<boolean> {
  return {
    json: { type: 'boolean' },
    check(value, place) {
      if (typeof value !== 'boolean') throw wrong(place, 'true or false', value);
      return value;
    },
  };
}

export function choice<const Name extends string>(names: readonly Name[]): Shape<Name> {
  return {
    json: { type: 'string', enum: names },
    check(value, place) {
      const name = names.find((candidate) => candidate === value);
      if (name === undefined) throw wrong(place, `one of ${names.join(', ')}`, value);
      return name;
    },
  };
}

export function list<T>(item: Shape<T>, { max }: { max: number }): Shape<T[]> {
  return {
    json: { type: 'array', items: item.json, maxItems: max },
    check(value, place) {
      if (!Array.isArray(value)) throw wrong(place, 'a list', value);
      if (value.length > max) throw wrong(place, `a list of at most ${max}`, value.length);
      return value.map((member, index) => item.check(member, `${place}[${index}]`));
    },
  };
}

export function json(): Shape<unknown> {
  return { json: {}, check: (value) => value };
}

export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return {
    json: shape.json,
    optional: true,
    check: (value, place) => (value === undefined ? undefined : shape.check(value, place)),
  };
}

/** Unknown members are refused by name: a parameter that is silently ignored is an edit lost. */
export function object<const M extends Members>(members: M): Shape<ObjectOf<M>> {
  const names = Object.keys(members);
  const required = names.filter((name) => members[name]?.optional !== true);
  return {
    json: {
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, members[name]?.json])),
      ...(required.length > 0 ? { required } : {}),
      additionalProperties: false,
    },
    check(value, place) {
      if (!isRecord(value)) throw wrong(place, 'an object', value);
      const unknown = Object.keys(value).find((name) => !Object.hasOwn(members, name));
      if (unknown !== undefined) {
        throw new BdError('INVALID_VALUE', {
          message: `${place} has an unknown member "${unknown}"`,
          remedy: `Known members: ${names.join(', ')}.`,
        });
      }
      const checked: Record<string, unknown> = {};
      for (const name of names) {
        const result = members[name]?.check(value[name], `${place}.${name}`);
        if (result !== undefined) checked[name] = result;
      }
      return checked as ObjectOf<M>;
    },
  };
}

function wrong(place: string, expected: string, value: unknown): BdError {
  const shown = JSON.stringify(value) ?? 'nothing';
  return new BdError('INVALID_VALUE', {
    message: `${place} is ${shown.length > 100 ? `${shown.slice(0, 97)}...` : shown}`,
    remedy: `Give ${expected}.`,
    details: { place },
  });
}
