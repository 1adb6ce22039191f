import { selectDirectEnvironment } from '../client/client-environment.ts';
import { callFormerDaemon } from '../client/connect.ts';
import { durationMs } from '../core/duration.ts';
import { BdError, toBdError } from '../core/errors.ts';
import { LOCK_WAIT_MS } from '../core/limits.ts';
import { systemClock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { acquireKernelLock, type KernelLock } from '../platform/kernel-lock.ts';
import { silentLog } from '../platform/log.ts';
import { createForHeir } from '../platform/owner.ts';
import { daemonLockPath, nameHolder, refuseLinks } from '../place/workspace-files.ts';
import { openPlace } from '../place/workspace-place.ts';
import type { Call } from '../protocol/methods.ts';
import { createCall } from '../workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../workspace/workspace.ts';
import type { CommandIo } from '../cli/command-io.ts';
import { runCommand } from '../cli/execute.ts';

/** Knows what its person was told: one cause is told once. */
interface ListenedIo extends CommandIo {
  wasTold(message: string): boolean;
}

function listenTo(io: CommandIo): ListenedIo {
  let told = '';
  return {
    ...io,
    stderr(text) {
      told += text;
      io.stderr(text);
    },
    wasTold: (message) => told.includes(message),
  };
}

interface Opened {
  workspace: Workspace;
  lock: KernelLock;
}

/**
 * Runs a command in this process, as a daemon would: the same lock, store, mirror and code. The lock
 * is taken with the command's first call: every command has read its standard input by then, and
 * nobody has to wait until somebody has typed it. The key is that of a command which a daemon may have
 * done before it went away.
 */
export async function runDirectly(
  argv: readonly string[],
  io: CommandIo,
  {
    beadsDir,
    env,
    lockTimeout,
    failure,
    key,
  }: {
    beadsDir: string;
    env: Environment;
    /** How long to wait for others who have the workspace, as the command line has it. */
    lockTimeout?: string | undefined;
    /** Why there is no daemon, when nobody was told of it yet. */
    failure?: BdError | undefined;
    /** Of a command that a daemon may have done before it went away. */
    key?: string | undefined;
  },
): Promise<number> {
  const listening = listenTo(io);
  let opening: Promise<Opened> | undefined;
  let calling: Promise<Call> | undefined;
  const call: Call = async (method, params) => {
    opening ??= open(beadsDir, { env, io, waitMs: lockWaitMs(lockTimeout) });
    calling ??= opening.then(({ workspace }) => createCall(workspace, { key }));
    return await (
      await calling
    )(method, params);
  };
  const exitCode = await runCommand(argv, listening, call);
  // One that could not be opened was told of by the call.
  const opened = await opening?.catch(() => undefined);
  if (opened !== undefined) await close(opened, listening);
  // What kept the daemon from starting may have kept the command from being done.
  if (failure !== undefined && !listening.wasTold(failure.message)) {
    io.stderr(`Done without a daemon: ${failure.message}\n`);
  }
  return exitCode;
}

async function open(
  beadsDir: string,
  { env, io, waitMs }: { env: Environment; io: CommandIo; waitMs: number },
): Promise<Opened> {
  const lock = await takeWorkspace(beadsDir, { waitMs });
  try {
    const workspace = await openWorkspace({
      place: openPlace(beadsDir),
      env: selectDirectEnvironment(env),
      clock: systemClock,
      log: silentLog,
    });
    // What others wrote into the mirror meanwhile; a daemon would have seen it at once. A mirror that
    // cannot be used keeps nobody from working, and is told of at the end.
    await workspace.sync.flushMirror().catch(() => {});
    const { notice } = workspace;
    if (notice !== undefined) io.stderr(`Note: ${notice}\n`);
    return { workspace, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}

function lockWaitMs(lockTimeout: string | undefined): number {
  const waitMs = lockTimeout === undefined ? LOCK_WAIT_MS : durationMs(lockTimeout);
  if (waitMs !== undefined) return waitMs;
  throw new BdError('INVALID_VALUE', {
    message: `--lock-timeout is "${lockTimeout}"`,
    remedy: 'Name a time, as in 500ms, 30s or 2m.',
  });
}

/** The command is done and stored: a mirror that stays behind is a warning. */
async function close({ workspace, lock }: Opened, io: ListenedIo): Promise<void> {
  try {
    await workspace[Symbol.asyncDispose]();
  } catch (error) {
    const { message, remedy } = toBdError(error);
    if (!io.wasTold(message)) io.stderr(`Warning: ${message}\n${remedy}\n`);
  } finally {
    lock.release();
  }
}

/** The workspace's lock, or the reason why it cannot be had. */
export async function takeWorkspace(
  beadsDir: string,
  { waitMs }: { waitMs: number },
): Promise<KernelLock> {
  refuseLinks(beadsDir);
  createForHeir(beadsDir, ['daemon.lock', 'beads.db']);
  await callFormerDaemon(beadsDir);
  const lock = await acquireKernelLock(daemonLockPath(beadsDir), { waitMs });
  if (lock !== undefined) return lock;
  const who = nameHolder(beadsDir);
  throw new BdError('LOCK_UNAVAILABLE', {
    message: `${who} holds ${beadsDir}, and did not let go within ${waitMs / 1000} s`,
    remedy: 'Wait until it is done; if it is a daemon, stop it with `bd daemon stop`.',
  });
}
