import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { runDaemon, type FirstWord } from '../../src/daemon/lifecycle.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';

export interface DaemonHere {
  beadsDir: string;
  /** Where its socket lies. */
  runtimeDirectory: string;
  stop: AbortController;
  ended: Promise<number>;
}

/** A daemon of a new workspace in this process, once it is ready: its time and its faults are the test's. */
export async function startDaemonHere(
  directory: string,
  { clock, staysWhenIdle = false }: { clock: Clock; staysWhenIdle?: boolean },
): Promise<DaemonHere> {
  const runtime = join(directory, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const env = { HOME: directory, XDG_RUNTIME_DIR: runtime, PATH: process.env['PATH'] ?? '' };
  await initialise({ directory, env, clock, log: silentLog, isLocal: true });
  const beadsDir = join(directory, '.beads');
  const stop = new AbortController();
  let report = (_word: FirstWord): void => {};
  const first = new Promise<FirstWord>((resolve) => (report = resolve));
  const ended = runDaemon({
    beadsDir,
    env,
    clock,
    program: import.meta.filename,
    staysWhenIdle,
    report,
    stop: stop.signal,
  });
  const { kind } = await first;
  if (kind !== 'ready') throw new Error(`the daemon said ${kind}`);
  return { beadsDir, runtimeDirectory: join(runtime, 'bd'), stop, ended };
}
