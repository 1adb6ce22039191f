import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPlace } from '../../src/place/workspace-place.ts';
import type { SyncMode, SyncReport } from '../../src/core/sharing.ts';
import { systemClock, type Clock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';
import type { Reached } from '../../src/sync/cycle.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { type Sandbox } from './sandbox.ts';

/** A working tree with an open workspace in this process: what a daemon does, when a test says so. */
export interface InProcessClone extends AsyncDisposable {
  readonly directory: string;
  readonly beadsDir: string;
  readonly workspace: Workspace;
  readonly call: Call;
  readonly git: (...args: string[]) => string;
  readonly sync: () => Promise<SyncReport>;
  /** As the end of a process and the start of the next. */
  reopen(): Promise<void>;
  /** As a sudden end, when what was under way is not heard of any more, and the start of the next. */
  crash(): Promise<void>;
}

/** A bare repository whose `main` has one commit of two files. */
export function createSharedRemote(
  sandbox: Sandbox,
  { name = 'remote.git', flags = [] }: { name?: string; flags?: readonly string[] } = {},
): string {
  const remote = join(sandbox.directory, name);
  const seed = join(sandbox.directory, `${name}.seed`);
  sandbox.git(sandbox.directory, 'init', '--quiet', ...flags, '--bare', '-b', 'main', remote);
  sandbox.git(sandbox.directory, 'init', '--quiet', ...flags, '-b', 'main', seed);
  mkdirSync(join(seed, 'src'));
  writeFileSync(join(seed, 'README'), 'one\ntwo\nthree\n');
  writeFileSync(join(seed, 'src', 'main.c'), 'int main;\n');
  sandbox.git(seed, 'add', '.');
  sandbox.git(seed, 'commit', '--quiet', '-m', 'start');
  sandbox.git(seed, 'push', '--quiet', remote, 'main');
  return remote;
}

interface OpenOptions {
  clock?: Clock;
  name?: string;
  /** Called at each step of a cycle, as the engine's. */
  reached?: Reached;
}

/** Makes or joins the project in `directory`, a repository that is there, and opens it. */
export async function initInProcess(
  sandbox: Sandbox,
  directory: string,
  { mode, ...options }: OpenOptions & { mode?: SyncMode } = {},
): Promise<InProcessClone> {
  const inMode = mode === undefined ? {} : { mode };
  // Init is not killed: `reached` counts only what comes after it.
  const { env, clock, log } = openingOf(sandbox, options);
  await initialise({ directory, prefix: 't', isLocal: false, ...inMode, env, clock, log });
  return openInProcess(sandbox, directory, options);
}

/** Opens the workspace that `directory` holds. */
export async function openInProcess(
  sandbox: Sandbox,
  directory: string,
  options: OpenOptions = {},
): Promise<InProcessClone> {
  const beadsDir = join(directory, '.beads');
  const open = (): Promise<Workspace> =>
    openWorkspace({ place: openPlace(beadsDir), ...openingOf(sandbox, options) });
  let workspace = await open();
  let call = createCall(workspace);
  const start = async (): Promise<void> => {
    workspace = await open();
    call = createCall(workspace);
  };
  return {
    directory,
    beadsDir,
    get workspace() {
      return workspace;
    },
    call: (method, params) => call(method, params),
    git: (...args) => sandbox.git(directory, ...args),
    sync: () => call('sync', {}),
    async reopen() {
      await workspace[Symbol.asyncDispose]();
      await start();
    },
    async crash() {
      workspace.store.close();
      await start();
    },
    [Symbol.asyncDispose]: () => workspace[Symbol.asyncDispose](),
  };
}

function openingOf(sandbox: Sandbox, options: OpenOptions) {
  const { clock = systemClock, name = 'mia', reached } = options;
  const env = { ...sandbox.env, USER: name };
  return { env, clock, log: silentLog, ...(reached === undefined ? {} : { reached }) };
}
