import { toBdError, type BdError } from '../core/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { createDaemonLog, type DaemonLog } from './daemon-log.ts';
import type { Environment } from '../platform/environment.ts';
import { watchIdentity } from '../platform/file-version.ts';
import type { LogLevel } from '../platform/log.ts';
import { watchProgram } from './program-file.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Standing } from '../workspace/held-store.ts';
import { openWorkspace, type Workspace } from '../workspace/workspace.ts';
import { refuseCrashLoop } from './crash.ts';
import { decide, type DaemonEvent, type DaemonState } from './daemon-state.ts';
import { createEventQueue, type EventQueue } from './event-queue.ts';
import { openServer, type DaemonServer } from './server.ts';
import { createRegistration } from './registration.ts';
import { createHealthCheck, type HealthCheck } from './health-check.ts';
import { loadRunner } from './run-command.ts';
import type { DaemonContext } from './daemon-context.ts';
import { createCheckpoint } from './checkpoint.ts';
import { takeOver } from './handover.ts';
import { startUpkeep } from './upkeep.ts';

/** How a start went; exactly one is reported. */
export type FirstWord = { kind: 'ready' } | { kind: 'busy' } | { kind: 'failed'; error: BdError };

export interface DaemonOptions {
  place: WorkspacePlace;
  env: Environment;
  clock: Clock;
  /** The file that the daemon is started from. */
  program: string;
  /** Serves on when nobody has called for long: its end is somebody else's to decide. */
  staysWhenIdle: boolean;
  report: (word: FirstWord) => void;
  /** Aborted to end the daemon, with the reason in words. */
  stop: AbortSignal;
}

/** Serves one workspace until idle or told to stop; returns the exit code. Never throws. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  try {
    // The log itself may be the bad link, so report only to whoever started us.
    options.place.refuseLinks();
  } catch (error) {
    const known = toBdError(error);
    options.report({ kind: 'failed', error: known });
    return known.exitCode;
  }
  const log = createDaemonLog(options.place.logFile);
  let isServing = false;
  try {
    return await runLocked({
      ...options,
      log,
      report(word) {
        isServing = true;
        options.report(word);
      },
    });
  } catch (error) {
    const known = toBdError(error);
    log.error(known.message, { error });
    if (!isServing) options.report({ kind: 'failed', error: known });
    return known.exitCode;
  } finally {
    await log.close();
  }
}

type LoggedOptions = DaemonOptions & { log: DaemonLog };

async function runLocked(options: LoggedOptions): Promise<number> {
  const { place, report, stop } = options;
  const lock = await takeOver(place, { stop });
  if (lock === undefined) {
    report({ kind: 'busy' });
    return 0;
  }
  try {
    const isSame = watchIdentity(place.beadsDir);
    refuseCrashLoop(place, { nowMs: options.clock.nowMs() });
    const look = createHealthCheck({
      clock: options.clock,
      monotonicMs: () => performance.now(),
    });
    const { clock } = look;
    const workspace = await openWorkspace({ ...options, clock });
    options.log.setLevel(workspace.config.text('daemon.log_level') as LogLevel);
    const standing = (): Standing => (isSame() ? workspace.standing() : 'lost');
    return await serve(workspace, { ...options, clock, look, standing });
  } finally {
    lock.release();
  }
}

interface ServeOptions extends LoggedOptions {
  /** Of the directory as well. */
  standing: () => Standing;
  look: HealthCheck;
}

async function serve(workspace: Workspace, options: ServeOptions): Promise<number> {
  // After a loss, or in a fresh clone, the first answer must know what the mirror and the repository hold.
  await workspace.sync.restore();
  const { clock, log, report, look } = options;
  const events = createEventQueue<DaemonEvent>();
  const context = createContext(workspace, { ...options, events });
  const registration = createRegistration(context);
  const checkpoint = createCheckpoint({ store: workspace.store, clock, log });
  const server: DaemonServer = await openServer(context, {
    ended() {
      if (server.connections() === 0) checkpoint.soon();
      void registration.begin();
    },
  }).catch(async (error: unknown) => {
    await workspace[Symbol.asyncDispose]();
    throw error;
  });
  report({ kind: 'ready' });

  const background = new AbortController();
  const syncing = workspace.sync
    .run(background.signal)
    .catch((error: unknown) => context.post({ kind: 'failed', error }));
  const stopUpkeep = startUpkeep(context, { look, server, checkpoint });
  obey(options.stop, context);
  // Where it cannot be loaded, the command that needs it will say so.
  loadRunner().catch(() => {});

  const end = await runUntilEnd(events, context.startedMs);
  log.info('ending', { reason: end.reason });
  stopUpkeep();
  await server.close(end);
  background.abort();
  await Promise.all([syncing, registration.begin()]);
  try {
    if (end.kind === 'abandoning') workspace.abandon();
    else await workspace[Symbol.asyncDispose]();
  } finally {
    server.remove();
    await registration.remove();
  }
  if (end.kind === 'draining' && end.error !== undefined) throw end.error;
  return 0;
}

function createContext(
  workspace: Workspace,
  options: ServeOptions & { events: EventQueue<DaemonEvent> },
): DaemonContext {
  const { place, env, clock, log, standing, staysWhenIdle, events } = options;
  const program = watchProgram(options.program);
  const post = (event: DaemonEvent): void => events.post(event);
  return {
    place,
    workspace,
    env,
    clock,
    log,
    program,
    startedMs: clock.nowMs(),
    standing,
    post,
    check() {
      const found = standing();
      post({
        kind: 'checked',
        nowMs: clock.nowMs(),
        // A store that is lost is not asked either.
        hasPending: found === 'ours' && (staysWhenIdle || hasPending(workspace)),
        workspace: found,
        program: program.isReplaced() ? 'replaced' : 'present',
      });
    },
  };
}

function obey(stop: AbortSignal, { post }: DaemonContext): void {
  const ask = (): void => post({ kind: 'stop_requested', reason: String(stop.reason) });
  if (stop.aborted) ask();
  stop.addEventListener('abort', ask);
}

/** The one loop that decides the daemon's life. */
async function runUntilEnd(
  events: EventQueue<DaemonEvent>,
  startedMs: number,
): Promise<Exclude<DaemonState, { kind: 'serving' }>> {
  let state: DaemonState = { kind: 'serving', connections: 0, quietSinceMs: startedMs };
  for (;;) {
    for (const event of await events.take()) state = decide(state, event);
    if (state.kind !== 'serving') return state;
  }
}

/** Where nothing is ever sent, nothing waits. */
function hasPending({ sync, store }: Workspace): boolean {
  try {
    const { state, pending } = sync.status();
    return pending > 0 && state !== 'no_remote' && state !== 'off' && state !== 'by_hand';
  } catch (error) {
    // Another program keeps it locked, say: something may wait. Damage is found by the next look.
    store.explain(error);
    return true;
  }
}
