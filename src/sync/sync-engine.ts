import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import {
  MIRROR_LOOK_INTERVAL_MS,
  OPERATION_LOOK_INTERVAL_MS,
  REMOTE_PATIENCE_MS,
} from '../core/limits.ts';
import type { SyncReport, SyncStatus } from '../core/sharing.ts';
import type { Clock } from '../platform/clock.ts';
import type { DirectorySetWatch } from '../platform/directory-set-watch.ts';
import type { WatchKind } from '../platform/directory-watch.ts';
import type { Log } from '../platform/log.ts';
import type { Store } from '../store/store.ts';
import type { Reached } from './cycle-steps.ts';
import { emptyCycleReport, type CycleReport, type SyncCycle } from './cycle.ts';
import { joinNotice, type JoinNews } from './intake/join-news.ts';
import type { FlushOptions, MirrorFile, MirrorReport } from './mirror/mirror-file.ts';
import { createRemoteWait, whenUnanswered, type RemoteWait } from './remote-wait.ts';
import { failureFrom, unanswered, type SyncFailure } from './sync-failure.ts';
import { readSyncMemory, writeSyncMemory, type SyncMemory } from './sync-memory.ts';
import { syncStateName, syncStatus } from './sync-report.ts';
import { sweepTombstones } from './tombstone-sweep.ts';
import type { SyncEvent } from './sync-event.ts';
import type { SyncSettings } from './sync-settings.ts';
import { currentFailure, initialSyncState, nextDueMs, nextSyncState } from './sync-state.ts';

/** Keeps the mirror, the branch and the store together. */
export interface SyncEngine {
  /** Call after each change: it will reach the mirror and the remote. */
  storeChanged(): void;
  /** Call when somebody uses the workspace: others' changes are then looked for more often. */
  activity(): void;
  /** Takes in outside edits of the mirror, then writes it if the store is ahead. */
  flushMirror(options?: FlushOptions): Promise<MirrorReport>;
  /** One full cycle that covers every change made before the call; when the remote is silent, the report comes before it. */
  syncNow(options?: FlushOptions): Promise<SyncReport>;
  status(): SyncStatus;
  /** How edits of the mirror are noticed. */
  watching(): WatchKind | 'off';
  /** Works in the background until `signal`; needed only by a process that stays. */
  run(signal: AbortSignal): Promise<void>;
  /** The last call: lets a local step end, stops what talks to the remote, writes the mirror. */
  drain(): Promise<void>;
}

export interface SyncEngineOptions {
  store: Store;
  mirror: MirrorFile;
  /** Undefined where the mirror is all that others get to see. */
  cycle: SyncCycle | undefined;
  /** What the cycle waits for; without it nobody is told before its end. */
  remoteWait?: RemoteWait;
  clock: Clock;
  random: () => number;
  /** Read at each use: a setting that changes takes effect at once. */
  settings: SyncSettings;
  /** Throws when the workspace is no longer this process's to write. */
  guard: () => void;
  log: Log;
  reached?: Reached;
}

export function createSyncEngine(options: SyncEngineOptions): SyncEngine {
  const { store, mirror, cycle, clock, random, settings, log, reached = () => {} } = options;
  const { remoteWait = createRemoteWait(clock) } = options;
  const network = new AbortController();
  const memory = readSyncMemory(store.settings);
  let state = initialSyncState({ nowMs: clock.nowMs(), shares: cycle !== undefined, memory });
  let isRunning = false;
  let cancelTimer = (): void => {};
  let cancelLook = (): void => {};
  let watch: DirectorySetWatch | undefined;
  let mirrorTurn: Promise<unknown> = Promise.resolve();
  let cycleTurn: Promise<unknown> = Promise.resolve();
  let mirrorFailure: SyncFailure | undefined;
  let { remote, lastOkMs } = memory;
  /** Callers of `syncNow`: for the cycle that runs or starts next, and for the one after a running one. */
  let waiting: ((report: SyncReport) => void)[] = [];
  let waitingLonger: ((report: SyncReport) => void)[] = [];

  /** Where the store cannot be read just now, something may wait: the next look will tell. */
  const ifReadable = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      store.explain(error);
      return otherwise;
    }
  };
  const pendingCount = (): number => ifReadable(() => store.outbox.pending().count, 1);
  const isMirrorBehind = (): boolean => ifReadable(() => mirror.isBehind(), true);

  function dispatch(event: SyncEvent): void {
    const circumstances = { nowMs: clock.nowMs(), random: random(), settings };
    const next = nextSyncState(state, event, circumstances);
    state = next.state;
    for (const action of next.actions) {
      if (action === 'flush_mirror') void flushMirror().catch(() => {});
      else cycleTurn = cycleTurn.then(runCycle);
    }
    armTimer();
  }

  function armTimer(): void {
    cancelTimer();
    cancelTimer = () => {};
    const dueMs = isRunning ? nextDueMs(state) : undefined;
    if (dueMs === undefined) return;
    cancelTimer = clock.after(Math.max(0, dueMs - clock.nowMs()), () => dispatch({ kind: 'due' }));
  }

  function flushMirror(options?: FlushOptions): Promise<MirrorReport> {
    const turn = mirrorTurn.then(() => flushOnce(options));
    mirrorTurn = turn.catch(() => {});
    return turn;
  }

  async function flushOnce(how?: FlushOptions): Promise<MirrorReport> {
    dispatch({ kind: 'flush_started' });
    try {
      options.guard();
      const shrunk = await sweepTombstones(store, clock);
      const report = await mirror.flush(how);
      await reached('mirror written');
      void followMirror();
      // The file is all that others get to see: what it shows is shared.
      if (cycle === undefined) store.outbox.clearThrough(mirror.shownSeq());
      mirrorFailure = undefined;
      notice(report, basename(mirror.path));
      if (report.imported + shrunk > 0) {
        dispatch({ kind: 'store_changed', pending: pendingCount() });
      }
      // After a checkout, say, the store is as before, and the file is to be committed all the same.
      if (report.written && cycle?.commits === 'mirror' && pendingCount() === 0) {
        dispatch({ kind: 'store_changed', pending: 1 });
      }
      const isWaiting = report.postponed !== undefined;
      dispatch({ kind: 'flush_ended', behind: isMirrorBehind() && !isWaiting });
      if (isWaiting) lookLater();
      return report;
    } catch (error) {
      const failure = failureFrom(store.explain(error));
      if (mirrorFailure?.message !== failure.message) log.error(failure.message, { error });
      mirrorFailure = failure;
      dispatch({ kind: 'flush_failed' });
      throw error;
    }
  }

  /** Nothing tells when a person is done with a merge or a rebase. */
  function lookLater(): void {
    cancelLook();
    if (!isRunning) return;
    const look = (): void => dispatch({ kind: 'mirror_changed' });
    cancelLook = clock.after(OPERATION_LOOK_INTERVAL_MS, look);
  }

  async function followMirror(): Promise<void> {
    // What was written before the watch stood is seen by this look.
    if (await watch?.follow(mirror.directories())) dispatch({ kind: 'mirror_changed' });
  }

  /** Never rejects: what went wrong is in the report. */
  async function runCycle(): Promise<void> {
    const before = mayDiffer() ? await flushMirror().catch(() => undefined) : undefined;
    const shared = await guardedCycle();
    const after = isMirrorBehind() ? await flushMirror().catch(() => undefined) : undefined;
    const served = waiting;
    waiting = waitingLonger;
    waitingLonger = [];
    noteEnd(shared);
    const imported = (before?.imported ?? 0) + shared.imported + (after?.imported ?? 0);
    dispatch({ kind: 'cycle_ended', end: shared.end, pending: pendingCount(), imported });
    const report = syncReport(shared, {
      imported,
      notice: notice(shared, 'the branch') ?? firstNotice(before, after),
    });
    for (const serve of served) serve(report);
    // Nobody waits any more: there is time to tidy up, before the next cycle begins.
    if (isRunning && typeof shared.end === 'string') await tidyUp();
  }

  async function tidyUp(): Promise<void> {
    try {
      await cycle?.tidy?.(network.signal);
    } catch (error) {
      log.error('what the commits left behind could not be tidied up', { error });
    }
  }

  /** A look at the remote while nothing happens here spares the look at the file, which is watched. */
  function mayDiffer(): boolean {
    return !isRunning || waiting.length > 0 || state.mirror.kind !== 'clean' || isMirrorBehind();
  }

  async function settleCycles(): Promise<void> {
    await cycleTurn;
    while (state.cycle.kind === 'running') await cycleTurn;
  }

  async function guardedCycle(): Promise<CycleReport> {
    if (cycle === undefined) return emptyCycleReport();
    try {
      options.guard();
      return await cycle.run({ push: settings.push, signal: network.signal });
    } catch (error) {
      return { ...emptyCycleReport(), end: failureFrom(store.explain(error)) };
    }
  }

  function noteEnd({ end, remote: used, pushed, imported }: CycleReport): void {
    // Stopped at our own end: that says nothing about the remote.
    if (network.signal.aborted) return;
    remote = used ?? (end === 'no_remote' ? undefined : remote);
    const failure = currentFailure(state);
    const moved = pushed + imported;
    if (typeof end === 'string') {
      if (end === 'shared') lastOkMs = clock.nowMs();
      if (failure !== undefined) log.info('sync works again', { was: failure.kind });
      remember({ lastEnd: end }, moved);
    } else {
      if (failure?.message !== end.message) {
        log.warn(end.message, { state: end.kind, remedy: end.remedy });
      }
      remember({ failure: end }, moved);
    }
  }

  function remember(how: Pick<SyncMemory, 'lastEnd' | 'failure'>, moved: number): void {
    const known = {
      ...(remote === undefined ? {} : { remote }),
      ...(lastOkMs === undefined ? {} : { lastOkMs }),
    };
    try {
      writeSyncMemory(store.settings, { ...how, ...known }, { moved });
    } catch (error) {
      // A full disk, say: what the cycle did stands, and its callers wait for the answer.
      log.error('how sync stands cannot be kept', { error });
    }
  }

  function syncReport(
    { end, pushed }: CycleReport,
    { imported, notice }: { imported: number; notice: string | undefined },
  ): SyncReport {
    const failure = typeof end === 'string' ? mirrorFailure : end;
    const pending = pendingCount();
    const { push, isByHand } = settings;
    return {
      state: syncStateName(state, { pending, push, isByHand, failure }),
      pending,
      pushed,
      imported,
      remote: remote ?? null,
      error: failure === undefined ? (notice ?? null) : `${failure.message}. ${failure.remedy}`,
    };
  }

  /** The cycle's own report, or that the remote is silent. */
  async function patiently(report: Promise<SyncReport>): Promise<SyncReport> {
    const silence = whenUnanswered(remoteWait, { clock, patienceMs: REMOTE_PATIENCE_MS });
    const giveUp = silence.passed.then(() => {
      const end = unanswered(remote, { waitedMs: REMOTE_PATIENCE_MS, goesOn: isRunning });
      return syncReport({ ...emptyCycleReport(), end }, { imported: 0, notice: undefined });
    });
    try {
      return await Promise.race([report, giveUp]);
    } finally {
      silence.cancel();
    }
  }

  /** Where the file is not watched. */
  function lookRegularly(signal: AbortSignal): void {
    let cancel = (): void => {};
    const wait = (): void => {
      cancel = clock.after(MIRROR_LOOK_INTERVAL_MS, () => {
        dispatch({ kind: 'mirror_changed' });
        wait();
      });
    };
    if (!signal.aborted) wait();
    signal.addEventListener('abort', () => cancel(), { once: true });
  }

  async function openWatch(): Promise<DirectorySetWatch> {
    // Loaded here: a command without daemon watches nothing.
    const { createDirectorySetWatch } = await import('../platform/directory-set-watch.ts');
    return createDirectorySetWatch({
      names: [basename(mirror.path)],
      onChange: (path) => dispatch({ kind: existsSync(path) ? 'mirror_changed' : 'mirror_gone' }),
      onError: (error, directory) =>
        log.error('outside edits of the mirror may be missed', { directory, error }),
    });
  }

  function notice(news: JoinNews, source: string): string | undefined {
    const text = joinNotice(source, news);
    if (text !== undefined) log.warn(text);
    return text;
  }

  function firstNotice(...reports: (MirrorReport | undefined)[]): string | undefined {
    return reports
      .map((report) => report && joinNotice(basename(mirror.path), report))
      .find((text) => text !== undefined);
  }

  return {
    storeChanged: () => dispatch({ kind: 'store_changed', pending: pendingCount() }),
    activity() {
      dispatch({ kind: 'activity' });
      if (mirror.hasMoved() || !settings.watchesFiles) dispatch({ kind: 'mirror_changed' });
    },
    flushMirror,
    async syncNow(how) {
      if (cycle === undefined) {
        const report = await flushMirror(how).catch(() => undefined);
        return syncReport(emptyCycleReport(), {
          imported: report?.imported ?? 0,
          notice: firstNotice(report),
        });
      }
      const report = new Promise<SyncReport>((resolve) => {
        (state.cycle.kind === 'running' ? waitingLonger : waiting).push(resolve);
      });
      dispatch({ kind: 'sync_asked' });
      return patiently(report);
    },
    status: () =>
      syncStatus(state, {
        pending: store.outbox.pending(),
        push: settings.push,
        isByHand: settings.isByHand,
        failure: currentFailure(state) ?? mirrorFailure,
        nowMs: clock.nowMs(),
        lastOkMs,
        remote,
      }),
    watching: () => watch?.kind() ?? 'off',
    async run(signal) {
      if (signal.aborted) return;
      if (settings.watchesFiles) {
        watch = await openWatch();
        await Promise.race([watch.follow(mirror.directories()), aborted(signal)]);
      } else lookRegularly(signal);
      isRunning = !signal.aborted;
      // What was written before the watch stood is seen by this look.
      dispatch({ kind: 'mirror_changed' });
      await aborted(signal);
      isRunning = false;
      armTimer();
      cancelLook();
      network.abort();
      await watch?.close();
      await settleCycles();
      await mirrorTurn;
    },
    async drain() {
      isRunning = false;
      armTimer();
      network.abort();
      await settleCycles();
      await flushMirror();
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
