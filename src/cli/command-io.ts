import type { Environment } from '../platform/environment.ts';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BdError, messageOf } from '../core/errors.ts';

/** The terminal of whoever typed the command: theirs, also when the daemon runs it for them. */
export interface CommandIo {
  cwd: string;
  env: Environment;
  stdoutIsTty: boolean;
  columns: number;
  stdout(text: string): void;
  stderr(text: string): void;
  readStdin(): Promise<string>;
}

/** A file of whoever typed the command; `-` is their standard input. */
export async function readTextSource(path: string, io: CommandIo): Promise<string> {
  if (path === '-') return await io.readStdin();
  const whole = resolve(io.cwd, path);
  try {
    return await readFile(whole, 'utf8');
  } catch (error) {
    throw new BdError('FILE_UNUSABLE', {
      message: `cannot read ${whole}: ${messageOf(error)}`,
      remedy: 'Name a file that you can read, or - for standard input.',
      cause: error,
    });
  }
}
