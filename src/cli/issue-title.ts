import { BdError } from '../core/errors.ts';

/** The title, unless there is nothing in it; `example` is a command line that has one. */
export function requireTitle(title: string, example: string): string {
  if (title.trim() !== '') return title;
  throw new BdError('USAGE', {
    message: 'title required',
    remedy: `Say what is to be done, such as \`${example}\`.`,
  });
}
