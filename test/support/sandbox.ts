import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { REAL_GIT } from './real-git.ts';
import { createTempDirectory } from './temp-directory.ts';

/** A temporary directory with a home of its own. No git configuration of the machine applies in it. */
export interface Sandbox extends Disposable {
  readonly directory: string;
  readonly home: string;
  /** What bd gets: nothing of the machine's but PATH. */
  readonly env: Record<string, string>;
  readonly at: (...names: string[]) => string;
  /** Git as Ann runs it, with its output trimmed; throws when it fails. */
  readonly git: (cwd: string, ...args: string[]) => string;
}

const ANN = {
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
  GIT_EDITOR: 'true',
};

export function createSandbox(): Sandbox {
  const temp = createTempDirectory();
  const at = (...names: string[]): string => join(temp.path, ...names);
  mkdirSync(at('home'));
  mkdirSync(at('run'), { mode: 0o700 });
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: at('home'),
    XDG_RUNTIME_DIR: at('run'),
    USER: 'tester',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  return {
    directory: temp.path,
    home: env.HOME,
    env,
    at,
    git: (cwd, ...args) => runGit(cwd, { ...env, ...ANN }, args),
    [Symbol.dispose]: () => temp[Symbol.dispose](),
  };
}

/** Another sandbox for each test of the file: read its members where they are used. */
export function useSandbox(): Sandbox {
  let sandbox: Sandbox;
  beforeEach(() => void (sandbox = createSandbox()));
  afterEach(() => sandbox[Symbol.dispose]());
  return {
    get directory() {
      return sandbox.directory;
    },
    get home() {
      return sandbox.home;
    },
    get env() {
      return sandbox.env;
    },
    at: (...names) => sandbox.at(...names),
    git: (cwd, ...args) => sandbox.git(cwd, ...args),
    [Symbol.dispose]: () => sandbox[Symbol.dispose](),
  };
}

/** The output, trimmed; throws when git fails, with what it said. */
export function runGit(cwd: string, env: NodeJS.ProcessEnv, args: readonly string[]): string {
  return execFileSync(REAL_GIT, args, {
    cwd,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trimEnd();
}
