import { setImmediate } from 'node:timers/promises';
import { toBdError, type BdError } from '../core/errors.ts';
import { START_SETTLE_MS, SUCCESSION_WAIT_MS } from '../core/limits.ts';
import { readLink } from '../place/socket-link.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import { monotonicMs, type Clock } from '../platform/clock.ts';
import type { Environment } from '../platform/environment.ts';
import { acquireKernelLock, type KernelLock } from '../platform/kernel-lock.ts';
import { createMemoryRelease } from '../platform/memory.ts';
import type { LogLevel } from '../platform/log.ts';
import { openWorkspace, type Workspace } from '../workspace/workspace.ts';
import { createCheckpoint } from './checkpoint.ts';
import { refuseCrashLoop } from './crash.ts';
import type { DaemonContext } from './daemon-context.ts';
import { createDaemonLog, type DaemonLog } from './daemon-log.ts';
import { createDaemonMethods } from './daemon-methods.ts';
import { createRouter, type DaemonModule } from './daemon-module.ts';
import { createLife, type DaemonEvent } from './daemon-state.ts';
import { createFaces } from './faces.ts';
import { createHealthCheck, type HealthCheck } from './health-check.ts';
import { watchProgram } from './program-file.ts';
import { createRegistration } from './registration.ts';
import { observed, openServer, type ServingContext } from './server.ts';
import { createUpkeep } from './upkeep.ts';
import { createWorkspaceCall, createWorkspaceModule } from './workspace-module.ts';

/** The daemon's parts: one more is one more entry. */
const MODULES: readonly ((context: ServingContext) => DaemonModule)[] = [
  createWorkspaceModule,
  createDaemonMethods,
  createUpkeep,
];

/** How a start went; exactly one is reported. */
export type FirstWord = { kind: 'ready' } | { kind: 'busy' } | { kind: 'failed'; error: BdError };

export interface DaemonOptions {
  place: WorkspacePlace;
  env: Environment;
  clock: Clock;
  /** The file that the daemon is started from. */
  program: string;
  /** Does not end when idle: a service manager or a person ends it. */
  staysWhenIdle: boolean;
  report: (word: FirstWord) => void;
  /** Aborted to end the daemon, with the reason in words. */
  stop: AbortSignal;
}

/** Serves one workspace until idle or told to stop; returns the exit code. Never throws. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  let log: DaemonLog | undefined;
  let isServing = false;
  try {
    // The log itself may be the bad link, so report that only to the process that started us.
    options.place.refuseLinks();
    log = createDaemonLog(options.place.logFile);
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
    log?.error(known.message, { error });
    if (!isServing) options.report({ kind: 'failed', error: known });
    return known.exitCode;
  }
}

type LoggedOptions = DaemonOptions & { log: DaemonLog };

async function runLocked(options: LoggedOptions): Promise<number> {
  const { place, clock, log, report, stop } = options;
  const lock = await takeOver(place, { stop });
  if (lock === undefined) {
    report({ kind: 'busy' });
    return 0;
  }
  try {
    refuseCrashLoop(place, { nowMs: clock.nowMs() });
    const healthCheck = createHealthCheck({ clock, monotonicMs });
    // A step of a sync cycle has woken the daemon up.
    const workspace = await openWorkspace({ ...options, reached: () => healthCheck.tick() });
    log.setLevel(() => workspace.config.text('daemon.log_level') as LogLevel);
    return await serve(workspace, { ...options, healthCheck });
  } finally {
    lock.release();
  }
}

/** Between two attempts to take the lock. */
const ATTEMPT_MS = 100;

/**
 * Acquires the workspace's lock, waiting for a previous daemon that is ending: that one removes its link
 * first, and releases the lock when it has answered and written everything. Undefined when another
 * process keeps the lock.
 */
async function takeOver(
  place: WorkspacePlace,
  { stop }: { stop: AbortSignal },
): Promise<KernelLock | undefined> {
  const endMs = monotonicMs() + SUCCESSION_WAIT_MS;
  for (;;) {
    const lock = await acquireKernelLock(place.lockFile, { waitMs: ATTEMPT_MS });
    if (lock !== undefined) return lock;
    const isServed = readLink(place.socketLink) !== undefined;
    if (isServed || stop.aborted || monotonicMs() >= endMs) return undefined;
  }
}

interface ServeOptions extends LoggedOptions {
  healthCheck: HealthCheck;
}

async function serve(workspace: Workspace, options: ServeOptions): Promise<number> {
  const { clock, log, report, stop } = options;
  // After a loss, or in a fresh clone, the first answer must know what the mirror and the repository hold.
  await workspace.sync.restore();
  const life = createLife({ startedMs: clock.nowMs() });
  const post = (event: DaemonEvent): void => {
    life.post(event);
    if (event.kind === 'connection_ended') background.begin();
  };
  const { context, modules, registration } = await assemble(workspace, { ...options, post }).catch(
    async (error: unknown) => {
      await workspace[Symbol.asyncDispose]();
      throw error;
    },
  );
  const background = createBackground([registration, ...modules], { clock, post });
  report({ kind: 'ready' });

  const ask = (): void => life.post({ kind: 'stop_requested', reason: String(stop.reason) });
  if (stop.aborted) ask();
  stop.addEventListener('abort', ask);

  const end = await life.ended;
  // The request that asked for the end, or found it out, is answered first.
  await setImmediate();
  log.info('ending', { reason: end.reason });
  await context.server.close(end);
  await background.end();
  try {
    if (end.kind === 'abandoning') workspace.abandon();
    else for (const module of modules.toReversed()) await module.drain?.();
  } finally {
    context.server.remove();
    await registration.remove();
  }
  if (end.kind === 'draining' && end.error !== undefined) throw end.error;
  return 0;
}

/**
 * What no client waits for. It begins after the first connection has ended, or after a quiet moment, so that it
 * does not delay the first answer.
 */
function createBackground(
  parts: readonly Pick<DaemonModule, 'run'>[],
  { clock, post }: Pick<DaemonContext, 'clock' | 'post'>,
) {
  const ending = new AbortController();
  const run = async (part: (typeof parts)[number]): Promise<void> => {
    await part.run?.(ending.signal).catch((error: unknown) => post({ kind: 'failed', error }));
  };
  let running: Promise<unknown> | undefined;
  const begin = (): void => {
    running ??= Promise.all(parts.map(run));
  };
  const cancel = clock.after(START_SETTLE_MS, begin);
  return {
    begin,
    async end(): Promise<void> {
      cancel();
      ending.abort();
      begin();
      await running;
    },
  };
}

/** Puts the daemon together. */
async function assemble(workspace: Workspace, options: ServeOptions & Pick<DaemonContext, 'post'>) {
  const base = createContext(workspace, { ...options, isBusy: () => modules.some(isBusy) });
  const registration = createRegistration(base);
  const server = await openServer(base, {
    faces: () => faces,
    ended() {
      if (server.connections.awake === 0) base.checkpoint.soon();
    },
  });
  const context = { ...base, server };
  const modules = MODULES.map((create) => create(context));
  const faces = createFaces({
    handle: observed(createRouter(modules), context),
    call: createWorkspaceCall(context),
    admit: (params) => server.admission.admit(params),
    log: context.log,
  });
  return { context, modules, registration };
}

function isBusy(module: DaemonModule): boolean {
  return module.busy?.() ?? false;
}

function createContext(
  workspace: Workspace,
  options: ServeOptions & Pick<DaemonContext, 'post'> & { isBusy: () => boolean },
): DaemonContext {
  const { place, env, clock, log, healthCheck, staysWhenIdle, post } = options;
  const program = watchProgram(options.program);
  return {
    place,
    workspace,
    env,
    clock,
    log,
    program,
    startedMs: clock.nowMs(),
    healthCheck,
    checkpoint: createCheckpoint({
      tidy: () => workspace.tidy(),
      release: createMemoryRelease(),
      clock,
      log,
    }),
    standing: workspace.standing,
    post,
    check() {
      const found = workspace.standing();
      post({
        kind: 'checked',
        nowMs: clock.nowMs(),
        // A store that is lost is not asked either.
        isBusy: found === 'ours' && (staysWhenIdle || options.isBusy()),
        workspace: found,
        program: program.isReplaced() ? 'replaced' : 'present',
      });
    },
  };
}
