import { object, type Members, type Shape } from '../shape.ts';

/**
 * `read` changes nothing that is kept, so doing it twice is harmless, and `--readonly` lets it pass.
 * `write` changes issues. `control` changes something else: a setting, a file, what is shared, the daemon.
 */
type Effect = 'read' | 'write' | 'control';

/** One method, for every face. */
export interface MethodDefinition {
  readonly effect: Effect;
  readonly params: Shape<unknown>;
  readonly result: ResultType<unknown>;
}

export const read = methodWith('read');
export const write = methodWith('write');
export const control = methodWith('control');

function methodWith(effect: Effect) {
  return <const M extends Members, R>(params: M, result: ResultType<R>) => ({
    effect,
    params: object(params),
    result,
  });
}

/** Carries a type only: results are our own, so nothing checks them when they are sent. */
interface ResultType<T> {
  readonly type?: T;
}

export type ResultOf<R> = R extends ResultType<infer T> ? T : never;

export function result<T>(): ResultType<T> {
  return {};
}
