import type { Environment } from '../platform/environment.ts';

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
