import { statSync } from 'node:fs';
import { toBdError, type BdError } from '../core/errors.ts';
import { START_SETTLE_MS, WORKSPACE_CHECK_INTERVAL_MS } from '../core/limits.ts';
import { timestampAt } from '../core/timestamp.ts';
import { VERSION } from '../core/version.ts';
import { register, registryPath, unregister, type RegistryEntry } from '../client/registry.ts';
import type { Clock } from '../platform/clock.ts';
import { createDaemonLog, rotateLog, type DaemonLog } from '../platform/daemon-log.ts';
import type { Environment } from '../platform/environment.ts';
import { acquireKernelLock } from '../platform/kernel-lock.ts';
import { daemonLockPath, daemonLogPath, socketLinkPath } from '../platform/workspace-files.ts';
import { createCall } from '../workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../workspace/workspace.ts';
import { createConnections, type Connections } from './connections/accept.ts';
import { decide, type DaemonEvent, type DaemonState } from './daemon-state.ts';
import { createEventQueue, type EventQueue } from './event-queue.ts';
import { createHandle } from './handle-request.ts';
import { listen, type Listener } from './listener.ts';
import { loadRunner } from './run-command.ts';

/** How a start went; exactly one is reported. */
export type FirstWord = { kind: 'ready' } | { kind: 'busy' } | { kind: 'failed'; error: BdError };

export interface DaemonOptions {
  beadsDir: string;
  env: Environment;
  clock: Clock;
  report: (word: FirstWord) => void;
  /** Aborted to end the daemon, with the reason in words. */
  stop: AbortSignal;
}

/** Serves one workspace until idle or told to stop; returns the exit code. Never throws. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const log = createDaemonLog(daemonLogPath(options.beadsDir));
  let isServing = false;
  try {
    const lock = await acquireKernelLock(daemonLockPath(options.beadsDir), { waitMs: 0 });
    if (lock === undefined) {
      options.report({ kind: 'busy' });
      return 0;
    }
    try {
      rotateLog(daemonLogPath(options.beadsDir));
      const workspace = await openWorkspace({ ...options, log });
      return await serve(workspace, {
        ...options,
        log,
        report(word) {
          isServing = true;
          options.report(word);
        },
      });
    } finally {
      lock.release();
    }
  } catch (error) {
    const known = toBdError(error);
    log.error(known.message, { error });
    if (!isServing) options.report({ kind: 'failed', error: known });
    return known.exitCode;
  } finally {
    await log.close();
  }
}

type ServeOptions = DaemonOptions & { log: DaemonLog };

async function serve(workspace: Workspace, options: ServeOptions): Promise<number> {
  const { beadsDir, env, clock, report, stop, log } = options;
  // A fresh clone has its issues in the mirror only: the first answer must know them. The engine keeps
  // a failure in its status and tries again.
  await workspace.sync.flushMirror().catch(() => {});
  const events = createEventQueue<DaemonEvent>();
  const startedMs = clock.nowMs();
  const call = createCall(workspace);
  const askToStop = (reason: string): void => events.post({ kind: 'stop_requested', reason });
  const facts = {
    projectDir: workspace.projectDir,
    socketPath: '',
    startedMs,
    clock,
    connections: () => connections.count(),
    stop: askToStop,
  };
  // The client that started us waits for its first answer: what nobody waits for comes after that.
  let settle = (): void => {};
  const settled = new Promise<void>((resolve) => (settle = resolve));
  clock.after(START_SETTLE_MS, () => settle());
  const connections: Connections = createConnections({
    call,
    handle: createHandle({ call, facts }),
    log,
    opened() {
      events.post({ kind: 'connection_opened' });
      workspace.sync.activity();
    },
    ended() {
      events.post({ kind: 'connection_ended', nowMs: clock.nowMs() });
      settle();
    },
  });
  const listener = await listen(beadsDir, {
    env,
    accept: (socket) => connections.accept(socket),
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
  const registering = settled.then(async () => {
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
  const stopChecking = checkRegularly(workspace, { clock, events, listener });
  void loadRunner();

  const end = await runUntilEnd(events, startedMs);
  log.info('ending', { reason: end.reason });
  stopChecking();
  listener.close();
  await connections.drain();
  background.abort();
  settle();
  await Promise.all([syncing, registering]);
  if (end.kind === 'abandoning') workspace.store.close();
  else await workspace[Symbol.asyncDispose]();
  listener.remove();
  await unregister(registryPath(env), entry);
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

/** Looks after the workspace and the link at a slow pace; returns what stops it. */
function checkRegularly(
  workspace: Workspace,
  {
    clock,
    events,
    listener,
  }: { clock: Clock; events: EventQueue<DaemonEvent>; listener: Listener },
): () => void {
  const identity = () =>
    [workspace.beadsDir, daemonLockPath(workspace.beadsDir)].map(identify).join();
  const original = identity();
  let cancel = (): void => {};
  const schedule = (): void => {
    cancel = clock.after(WORKSPACE_CHECK_INTERVAL_MS, () => {
      // With another lock file another daemon may be writing: nothing is ours any more.
      const isOurs = identity() === original;
      if (isOurs) listener.restoreLink();
      events.post({
        kind: 'checked',
        nowMs: clock.nowMs(),
        hasPending: hasPending(workspace),
        workspace: isOurs ? 'present' : 'gone',
      });
      schedule();
    });
  };
  schedule();
  return () => cancel();
}

function identify(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined ? 'none' : `${status.dev}:${status.ino}`;
}

/** Where nothing is ever sent, nothing waits. */
function hasPending(workspace: Workspace): boolean {
  const { state, pending } = workspace.sync.status();
  return pending > 0 && state !== 'no_remote' && state !== 'off';
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
