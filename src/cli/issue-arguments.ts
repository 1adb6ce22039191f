import { BdError, toBdError } from '../core/errors.ts';
import type { Answer, Invocation } from './command.ts';
import { failureJson } from './output/answer.ts';

/** The ids that the command line names. */
export function requireIds(ids: readonly string[]): readonly string[] {
  if (ids.length > 0) return ids;
  throw new BdError('USAGE', {
    message: 'no issue ID provided',
    remedy: 'Name one issue or more, such as `bd show bd-a1b2`.',
  });
}

/**
 * Does the same to each issue. Failures are printed on stderr, and the others go on; the exit code is the
 * first failure's. With `--json` and nothing done, that failure is the answer.
 */
export async function forEachId<T>(
  { io, isJson }: Invocation,
  ids: readonly string[],
  act: (id: string) => Promise<T>,
): Promise<{ done: T[]; exitCode: number }> {
  const done: T[] = [];
  const failures: BdError[] = [];
  for (const id of requireIds(ids)) {
    try {
      done.push(await act(id));
    } catch (error) {
      failures.push(toBdError(error));
    }
  }
  for (const { message } of failures) io.stderr(`Error: ${message}\n`);
  for (const remedy of new Set(failures.map((failure) => failure.remedy))) {
    io.stderr(`${remedy}\n`);
  }
  const [first] = failures;
  if (isJson && first !== undefined && done.length === 0) io.stdout(failureJson(first));
  return { done, exitCode: first?.exitCode ?? 0 };
}

/** Changes each issue, and confirms the changes that were made. Returns the exit code. */
export async function changeEach<T>(
  invocation: Invocation,
  {
    ids = invocation.args,
    change,
    answer,
  }: {
    ids?: readonly string[];
    change: (id: string) => Promise<T>;
    answer: (done: T[]) => Answer;
  },
): Promise<number> {
  const { done, exitCode } = await forEachId(invocation, ids, change);
  if (done.length > 0) invocation.confirm(answer(done));
  return exitCode;
}

/** The title, unless there is nothing in it; `example` is a command line that has one. */
export function requireTitle(title: string, example: string): string {
  if (title.trim() !== '') return title;
  throw new BdError('USAGE', {
    message: 'title required',
    remedy: `Say what is to be done, such as \`${example}\`.`,
  });
}
