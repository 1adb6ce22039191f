import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runDaemon, type FirstWord } from '../../src/daemon/lifecycle.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { WorkspacePlace } from '../../src/place/workspace-place.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';

export interface ServedHere {
  beadsDir: string;
  stop: AbortController;
  ended: Promise<number>;
}

export interface DaemonHere extends ServedHere {
  /** The directory of its socket. */
  runtimeDirectory: string;
}

interface Options {
  clock: Clock;
  staysWhenIdle?: boolean;
}

/** A daemon of a new workspace in this process, ready; the test gives it its time and its faults. */
export async function startDaemonHere(directory: string, options: Options): Promise<DaemonHere> {
  const runtime = join(directory, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const env = { HOME: directory, XDG_RUNTIME_DIR: runtime, PATH: process.env['PATH'] ?? '' };
  await initialise({ directory, env, clock: options.clock, log: silentLog, isLocal: true });
  const served = await serveHere(join(directory, '.beads'), { env, ...options });
  return { ...served, runtimeDirectory: join(runtime, 'bd') };
}

/** A daemon of a workspace that is there, in this process, ready. */
export async function serveHere(
  beadsDir: string,
  { env, clock, staysWhenIdle = false }: Options & { env: Readonly<Record<string, string>> },
): Promise<ServedHere> {
  const stop = new AbortController();
  let report = (_word: FirstWord): void => {};
  const first = new Promise<FirstWord>((resolve) => (report = resolve));
  const ended = runDaemon({
    place: new WorkspacePlace(beadsDir),
    env,
    clock,
    program: import.meta.filename,
    staysWhenIdle,
    report,
    stop: stop.signal,
  });
  const { kind } = await first;
  if (kind !== 'ready') throw new Error(`the daemon said ${kind}`);
  return { beadsDir, stop, ended };
}
