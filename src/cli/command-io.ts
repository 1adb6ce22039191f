import type { Environment } from '../platform/environment.ts';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { BdError, messageOf } from '../core/errors.ts';

/** The terminal of the user who typed the command, also when the daemon runs it. */
export interface CommandIo {
  cwd: string;
  env: Environment;
  stdoutIsTty: boolean;
  columns: number;
  stdout(text: string): void;
  stderr(text: string): void;
  readStdin(): Promise<string>;
}

/** Reads a file as the user named it; `-` is standard input. */
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
