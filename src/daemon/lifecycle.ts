import { basename } from 'node:path';
import { BdError, toBdError } from '../core/errors.ts';
import {
  LOOK_INTERVAL_MS,
  LOOK_SPACING_MS,
  START_SETTLE_MS,
  WAKE_JITTER_MS,
} from '../core/limits.ts';
import { timestampAt } from '../core/timestamp.ts';
import { VERSION } from '../core/version.ts';
import { register, registryPath, unregister, type RegistryEntry } from '../client/registry.ts';
import type { Clock } from '../platform/clock.ts';
import { createDaemonLog } from '../platform/daemon-log.ts';
import type { Environment } from '../platform/environment.ts';
import type { LogLevel } from '../platform/log.ts';
import { watchPresence } from '../platform/presence-watch.ts';
import { watchProgram } from '../platform/program-file.ts';
import {
  daemonLockPath,
  daemonLogPath,
  refuseLinks,
  socketLinkPath,
  watchIdentity,
} from '../platform/workspace-files.ts';
import type { Call } from '../protocol/methods.ts';
import { createCall } from '../workspace/operations/table.ts';
import { openWorkspace, type Standing, type Workspace } from '../workspace/workspace.ts';
import { createConnections, type Connections } from './connections/accept.ts';
import { findSuddenEnd, forgetCrashInTime, refuseCrashLoop } from './crash.ts';
import { decide, type DaemonEvent, type DaemonState } from './daemon-state.ts';
import { createEventQueue, type EventQueue } from './event-queue.ts';
import { createHandle } from './handle-request.ts';
import { rememberLastError, type AttentiveLog } from './last-error.ts';
import { listen, type Listener } from './listener.ts';
import { createReception } from './reception.ts';
import { createRegularLook, type RegularLook } from './regular-look.ts';
import { loadRunner } from './run-command.ts';
import { createStoreRest } from './store-rest.ts';
import { succeed } from './succession.ts';

/** How a start went; exactly one is reported. */
export type FirstWord = { kind: 'ready' } | { kind: 'busy' } | { kind: 'failed'; error: BdError };

export interface DaemonOptions {
  beadsDir: string;
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
    // The log is one of the files: this is told to the one who starts us only.
    refuseLinks(options.beadsDir);
  } catch (error) {
    const known = toBdError(error);
    options.report({ kind: 'failed', error: known });
    return known.exitCode;
  }
  const log = rememberLastError(createDaemonLog(daemonLogPath(options.beadsDir)), options.clock);
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

type LoggedOptions = DaemonOptions & { log: AttentiveLog };

async function runLocked(options: LoggedOptions): Promise<number> {
  const { beadsDir, report, stop } = options;
  const lock = await succeed(beadsDir, { stop });
  if (lock === undefined) {
    report({ kind: 'busy' });
    return 0;
  }
  try {
    const isSame = watchIdentity(beadsDir);
    refuseCrashLoop(beadsDir, { nowMs: options.clock.nowMs() });
    const look = createRegularLook({
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
  look: RegularLook;
}

async function serve(workspace: Workspace, options: ServeOptions): Promise<number> {
  const { beadsDir, env, clock, report, stop, log, standing, look, staysWhenIdle } = options;
  // A fresh clone has its issues in the mirror only: the first answer must know them. The engine keeps
  // a failure in its status and tries again.
  await workspace.sync.flushMirror().catch(() => {});
  const events = createEventQueue<DaemonEvent>();
  const startedMs = clock.nowMs();
  const program = watchProgram(options.program);
  const check = (): void => {
    const found = standing();
    events.post({
      kind: 'checked',
      nowMs: clock.nowMs(),
      // A store that is lost is not asked either.
      hasPending: found === 'ours' && (staysWhenIdle || hasPending(workspace)),
      workspace: found,
      program: program.isReplaced() ? 'replaced' : 'present',
    });
  };
  const callFor = (command: { key?: string | undefined }): Call =>
    checkAfterLoss(createCall(workspace, command), check);
  const askToStop = (reason: string): void => events.post({ kind: 'stop_requested', reason });
  const facts = {
    workspace,
    socketPath: '',
    startedMs,
    clock,
    build: program.build,
    connections: () => connections.count(),
    lastError: () => log.lastError(),
  };
  const reception = createReception({
    projectDir: workspace.projectDir,
    instance: () => basename(facts.socketPath, '.sock'),
    program,
    settings: workspace.store.settings,
    clock,
    retired(reason) {
      listener.withdraw();
      events.post({ kind: 'retire_requested', reason });
    },
  });
  // The client that started us waits for its first answer: what nobody waits for comes after that.
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => (settle = resolve));
  clock.after(START_SETTLE_MS, () => settle());
  const rest = createStoreRest({ store: workspace.store, clock, log });
  const handle = createHandle({
    callFor,
    reception,
    facts,
    takeNotice: () => workspace.takeNotice(),
    stop: askToStop,
  });
  const connections: Connections = createConnections({
    call: callFor({}),
    handle(method, params, caller) {
      log.debug('request', { method });
      return handle(method, params, caller);
    },
    admit: (params) => reception.admit(params),
    log,
    opened() {
      events.post({ kind: 'connection_opened' });
      workspace.sync.activity();
    },
    ended() {
      events.post({ kind: 'connection_ended', nowMs: clock.nowMs() });
      if (connections.count() === 0) rest.soon();
      settle();
    },
  });
  const suddenEnd = findSuddenEnd(beadsDir);
  const listener: Listener = await listen(beadsDir, {
    env,
    accept(socket) {
      if (standing() === 'ours') return connections.accept(socket);
      // Before its request is read: the client starts a daemon that opens what is there now.
      listener.withdraw();
      socket.destroy();
      check();
    },
  }).catch(async (error: unknown) => {
    await workspace[Symbol.asyncDispose]();
    throw error;
  });
  facts.socketPath = listener.socketPath;
  report({ kind: 'ready' });

  const background = new AbortController();
  const syncing = workspace.sync.run(background.signal).catch((error: unknown) => {
    events.post({ kind: 'failed', error });
  });
  const entry = describeEntry(workspace, startedMs);
  const stopForgetting = forgetCrashInTime(beadsDir, clock);
  const registering = settled.then(async () => {
    if (suddenEnd !== undefined) {
      log.warn('the daemon before ended without a word: was it killed?', { was: suddenEnd });
    }
    log.info('serving', {
      version: VERSION,
      workspace: workspace.projectDir,
      node: process.version,
    });
    const failure = await register(registryPath(env), entry);
    if (failure !== undefined) log.warn('cannot write the registry', { failure });
  });
  if (stop.aborted) askToStop(String(stop.reason));
  stop.addEventListener('abort', () => askToStop(String(stop.reason)));
  const presence = watchPresence(beadsDir, {
    names: [socketLinkPath, daemonLockPath].map((pathIn) => basename(pathIn(beadsDir))),
    onChange: () => look.soon(),
  });
  look.start({
    intervalMs: () => (presence.isWatching ? LOOK_INTERVAL_MS : LOOK_SPACING_MS),
    look({ isWake }) {
      if (standing() === 'ours') listener.restoreLink();
      if (isWake) {
        events.post({ kind: 'woke', nowMs: clock.nowMs() });
        catchUp(workspace, clock);
      }
      check();
      if (connections.count() === 0) rest.now();
    },
  });
  void loadRunner();

  const end = await runUntilEnd(events, startedMs);
  log.info('ending', { reason: end.reason });
  presence.close();
  look.stop();
  rest.stop();
  stopForgetting();
  listener.withdraw();
  listener.close();
  const { reason, patienceMs } = end;
  await connections.drain({ refusal: reception.decline(reason), patienceMs });
  background.abort();
  settle();
  await Promise.all([syncing, registering]);
  try {
    if (end.kind === 'abandoning') workspace.abandon();
    else await workspace[Symbol.asyncDispose]();
  } finally {
    listener.remove();
    await unregister(registryPath(env), entry);
  }
  if (end.kind === 'draining' && end.error !== undefined) throw end.error;
  return 0;
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

const LOSSES: ReadonlySet<string> = new Set(['LOCK_UNAVAILABLE', 'STORE_UNUSABLE']);

/** A request that fails because the workspace was taken from us, or broke, ends the daemon, not just the request. */
function checkAfterLoss(call: Call, check: () => void): Call {
  return async (method, params) => {
    try {
      return await call(method, params);
    } catch (error) {
      if (error instanceof BdError && LOSSES.has(error.code)) check();
      throw error;
    }
  };
}

/** After a sleep: times that were planned are far away or long past, and others have worked meanwhile. */
function catchUp({ sync }: Workspace, clock: Clock): void {
  // Not at once: all machines of an office may have woken up now.
  clock.after(Math.random() * WAKE_JITTER_MS, () => {
    sync.storeChanged();
    sync.activity();
  });
}

/** Where nothing is ever sent, nothing waits. */
function hasPending(workspace: Workspace): boolean {
  const { state, pending } = workspace.sync.status();
  return pending > 0 && state !== 'no_remote' && state !== 'off' && state !== 'by_hand';
}

function describeEntry(workspace: Workspace, startedMs: number): RegistryEntry {
  return {
    workspace_path: workspace.projectDir,
    socket_path: socketLinkPath(workspace.beadsDir),
    database_path: workspace.databasePath,
    pid: process.pid,
    version: VERSION,
    started_at: timestampAt(startedMs),
  };
}
