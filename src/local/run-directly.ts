import { selectDirectEnvironment } from '../client/client-environment.ts';
import { durationMs } from '../core/timestamp.ts';
import { BdError, toBdError } from '../core/errors.ts';
import { LOCK_WAIT_MS } from '../core/limits.ts';
import { systemClock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { takeWorkspace } from './take-workspace.ts';
import { silentLog } from '../platform/log.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Call } from '../protocol/methods.ts';
import { createCall } from '../workspace/operations/table.ts';
import { openWorkspace } from '../workspace/workspace.ts';
import type { CommandIo } from '../cli/command-io.ts';
import { runCommand } from '../cli/execute.ts';

/**
 * Runs a command in this process, as a daemon would: the same lock, store, mirror and code. Takes the lock
 * with the command's first call: by then the command has read its standard input, so others need not wait
 * for someone to type it.
 */
export async function runDirectly(
  argv: readonly string[],
  io: CommandIo,
  {
    place,
    env,
    lockTimeout,
    failure,
    key,
  }: {
    place: WorkspacePlace;
    env: Environment;
    /** How long to wait for the workspace's lock, as on the command line. */
    lockTimeout?: string | undefined;
    /** Why there is no daemon, unless another command reported it. */
    failure?: BdError | undefined;
    /** Of a command that a daemon may have done before it ended. */
    key?: string | undefined;
  },
): Promise<number> {
  const recorded = recordErrors(io);
  let opening: ReturnType<typeof open> | undefined;
  let calling: Promise<Call> | undefined;
  const call: Call = async (method, params, options) => {
    opening ??= open(place, { env, io, waitMs: lockWaitMs(lockTimeout) });
    calling ??= opening.then(({ workspace }) => createCall(workspace, { key }));
    const run = await calling;
    return await run(method, params, options);
  };
  const exitCode = await runCommand(argv, recorded, call);
  // A failure to open is the call's, and was reported with it.
  const opened = await opening?.catch(() => undefined);
  if (opened !== undefined) await close(opened, recorded);
  // The reason why no daemon started may be the reason why the command failed.
  if (failure !== undefined && !recorded.hasPrinted(failure.message)) {
    io.stderr(`Done without a daemon: ${failure.message}\n`);
  }
  return exitCode;
}

async function open(
  place: WorkspacePlace,
  { env, io, waitMs }: { env: Environment; io: CommandIo; waitMs: number },
) {
  const lock = await takeWorkspace(place, { waitMs });
  try {
    const workspace = await openWorkspace({
      place,
      env: selectDirectEnvironment(env),
      clock: systemClock,
      log: silentLog,
    });
    // A mirror that cannot be used does not stop the command, and is reported at the end.
    await workspace.sync.restore();
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

/** The command is done and stored, so a mirror that was not written is only a warning. */
async function close(
  { workspace, lock }: Awaited<ReturnType<typeof open>>,
  io: ReturnType<typeof recordErrors>,
): Promise<void> {
  try {
    await workspace[Symbol.asyncDispose]();
  } catch (error) {
    const { message, remedy } = toBdError(error);
    if (!io.hasPrinted(message)) io.stderr(`Warning: ${message}\n${remedy}\n`);
  } finally {
    lock.release();
  }
}

/** Remembers what goes to standard error, so that each cause is reported once. */
function recordErrors(io: CommandIo) {
  let printed = '';
  return {
    ...io,
    stderr(text: string) {
      printed += text;
      io.stderr(text);
    },
    hasPrinted: (message: string) => printed.includes(message),
  };
}
