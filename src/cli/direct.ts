import { selectDaemonEnvironment } from '../client/client-environment.ts';
import { BdError } from '../core/errors.ts';
import { LOCK_WAIT_MS } from '../core/limits.ts';
import { systemClock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { acquireKernelLock, type KernelLock } from '../platform/kernel-lock.ts';
import { silentLog } from '../platform/log.ts';
import { daemonLockPath, readDaemonPid } from '../platform/workspace-files.ts';
import { createCall } from '../workspace/operations/table.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import type { CommandIo } from './command-io.ts';
import { runCommand } from './run-command.ts';

/** Runs a command in this process, as a daemon would: the same lock, store, mirror and code. */
export async function runDirectly(
  argv: readonly string[],
  io: CommandIo,
  { beadsDir, env }: { beadsDir: string; env: Environment },
): Promise<number> {
  const lock = await takeWorkspace(beadsDir, { waitMs: LOCK_WAIT_MS });
  try {
    await using workspace = await openWorkspace({
      beadsDir,
      env: selectDaemonEnvironment(env),
      clock: systemClock,
      log: silentLog,
    });
    // What others wrote into the mirror meanwhile; a daemon would have seen it at once.
    await workspace.sync.flushMirror();
    return await runCommand(argv, io, createCall(workspace));
  } finally {
    lock.release();
  }
}

/** The workspace's lock, or the reason why it cannot be had. */
export async function takeWorkspace(
  beadsDir: string,
  { waitMs }: { waitMs: number },
): Promise<KernelLock> {
  const lock = await acquireKernelLock(daemonLockPath(beadsDir), { waitMs });
  if (lock !== undefined) return lock;
  const pid = readDaemonPid(beadsDir);
  const who = pid === undefined ? 'another process' : `process ${pid}`;
  throw new BdError('LOCK_UNAVAILABLE', {
    message: `${who} holds ${beadsDir}, and did not let go within ${waitMs / 1000} s`,
    remedy: 'Wait until it is done; if it is a daemon, stop it with `bd daemon stop`.',
  });
}
