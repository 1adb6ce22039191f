import { omitUndefined } from '../core/omit-undefined.ts';
import { REMOTE_PATIENCE_MS } from '../core/limits.ts';
import type { SharingState, SyncReport, SyncStatus } from '../core/sharing.ts';
import { timestampAt } from '../core/timestamp.ts';
import { emptyCycleReport, type CycleReport, type CycleRun } from './cycle.ts';
import { joinNotice } from './intake/join-news.ts';
import type { MirrorKeeper } from './mirror-keeper.ts';
import type { FlushOptions, MirrorReport } from './mirror/mirror-file.ts';
import { ifReadable, type SyncContext, type SyncDriver } from './sync-driver.ts';
import { failureFrom, unanswered, type SyncFailure } from './sync-failure.ts';
import { currentFailure, readSyncMemory, syncStateName, type SyncMemory } from './sync-state.ts';

type Waiter = (report: SyncReport) => void;

/** Runs cycles one after another, answers those who wait for them, and remembers how they ended. */
export class CycleRunner {
  readonly #context: SyncContext;
  readonly #driver: SyncDriver;
  readonly #mirror: MirrorKeeper;
  readonly #network = new AbortController();
  #turn: Promise<unknown> = Promise.resolve();
  /** Callers for the cycle that runs or starts next. */
  #waiters: Waiter[] = [];
  /** Callers for the cycle after a running one, which began before they asked. */
  #nextWaiters: Waiter[] = [];
  #remote: string | undefined;
  #lastOkMs: number | undefined;

  constructor(
    context: SyncContext,
    { driver, mirror, memory }: { driver: SyncDriver; mirror: MirrorKeeper; memory: SyncMemory },
  ) {
    this.#context = context;
    this.#driver = driver;
    this.#mirror = mirror;
    this.#remote = memory.remote;
    this.#lastOkMs = memory.lastOkMs;
  }

  /** Runs a cycle after those asked for before. */
  start(): void {
    this.#turn = this.#turn.then(() => this.#run());
  }

  /** One cycle that covers every change made before the call. */
  async sync(options?: FlushOptions): Promise<SyncReport> {
    if (this.#context.cycle === undefined) {
      const report = await this.#mirror.flush(options).catch(() => undefined);
      const imported = report?.imported ?? 0;
      const notice = this.#mirror.notice(report);
      return this.#report(emptyCycleReport(), { imported, notice });
    }
    const isRunning = this.#driver.state.cycle.kind === 'running';
    const report = new Promise<SyncReport>((resolve) => {
      (isRunning ? this.#nextWaiters : this.#waiters).push(resolve);
    });
    this.#driver.dispatch({ kind: 'sync_asked' });
    return this.#orUnanswered(report);
  }

  status(): SyncStatus {
    const { store, clock } = this.#context;
    const { count, oldestMs } = store.outbox.pending();
    const ageMs = oldestMs === undefined ? undefined : Math.max(0, clock.nowMs() - oldestMs);
    const failure = currentFailure(this.#driver.state) ?? this.#mirror.failure;
    return {
      state: this.#stateName(count, failure),
      pending: count,
      oldest_pending_s: ageMs === undefined ? null : Math.round(ageMs / 1000),
      last_ok: this.#lastOkMs === undefined ? null : timestampAt(this.#lastOkMs),
      remote: this.#remote ?? null,
      error: failure?.message ?? null,
      remedy: failure?.remedy ?? null,
    };
  }

  /** Stops what talks to the remote, for good; local steps end by themselves. */
  stopNetwork(): void {
    this.#network.abort();
  }

  async settled(): Promise<void> {
    await this.#turn;
    while (this.#driver.state.cycle.kind === 'running') await this.#turn;
  }

  /** Never rejects: what went wrong is in the report. */
  async #run(): Promise<void> {
    const flushes: Promise<MirrorReport | undefined>[] = [];
    const flush = (): Promise<unknown> => {
      const report = this.#mirror.flush().catch(() => undefined);
      flushes.push(report);
      return report;
    };
    const isAwaited = this.#awaitsMirror();
    if (this.#mayDiffer()) void flush();
    if (isAwaited) await Promise.all(flushes);
    const shared = await this.#runCycle({ onJoined: flush });
    await Promise.all(flushes);
    if (this.#mirror.isBehind()) void flush();
    const reports = await Promise.all(flushes);
    const served = this.#waiters;
    this.#waiters = this.#nextWaiters;
    this.#nextWaiters = [];
    this.#noteEnd(shared);
    const imported = reports.reduce((sum, each) => sum + (each?.imported ?? 0), shared.imported);
    const pending = this.#driver.pendingCount();
    this.#driver.dispatch({ kind: 'cycle_ended', end: shared.end, pending, imported });
    const branchNotice = joinNotice('the branch', shared);
    if (branchNotice !== undefined) this.#context.log.warn(branchNotice);
    const notice = branchNotice ?? this.#mirror.notice(...reports);
    const report = this.#report(shared, { imported, notice });
    for (const serve of served) serve(report);
    // The callers have their answer: there is time to tidy up, before the next cycle begins.
    if (this.#driver.isRunning && typeof shared.end === 'string') await this.#tidyUp();
  }

  /** In the background the file is watched, so a look at the remote alone needs no look at the file. */
  #mayDiffer(): boolean {
    const { isRunning, state } = this.#driver;
    const isQuiet = this.#waiters.length === 0 && state.mirror.kind === 'clean';
    return !isRunning || !isQuiet || this.#mirror.isBehind();
  }

  /**
   * Whether the cycle needs what the flush does: it commits that file, or shares edits of it. Otherwise the
   * file is written while git talks to the remote.
   */
  #awaitsMirror(): boolean {
    const { cycle, mirror, store } = this.#context;
    return cycle?.commits === 'mirror' || ifReadable(store, () => mirror.mayBeEdited(), true);
  }

  async #runCycle({ onJoined }: Pick<CycleRun, 'onJoined'>): Promise<CycleReport> {
    const { cycle, guard, settings, store } = this.#context;
    if (cycle === undefined) return emptyCycleReport();
    try {
      guard();
      return await cycle.run({ push: settings.push, signal: this.#network.signal, onJoined });
    } catch (error) {
      return { ...emptyCycleReport(), end: failureFrom(store.explain(error)) };
    }
  }

  async #tidyUp(): Promise<void> {
    const { cycle, log } = this.#context;
    try {
      await cycle?.tidy?.(this.#network.signal);
    } catch (error) {
      log.error('what the commits left behind could not be tidied up', { error });
    }
  }

  #noteEnd({ end, remote, pushed, imported }: CycleReport): void {
    // Stopped by our own end, which says nothing about the remote.
    if (this.#network.signal.aborted) return;
    const { log, clock } = this.#context;
    this.#remote = remote ?? (end === 'no_remote' ? undefined : this.#remote);
    const failure = currentFailure(this.#driver.state);
    const moved = pushed + imported;
    if (typeof end === 'string') {
      if (end === 'shared') this.#lastOkMs = clock.nowMs();
      if (failure !== undefined) log.info('sync works again', { was: failure.kind });
      return this.#remember({ lastEnd: end }, moved);
    }
    if (failure?.message !== end.message) {
      log.warn(end.message, { state: end.kind, remedy: end.remedy });
    }
    this.#remember({ failure: end }, moved);
  }

  /** Writes only news: a cycle that found nothing to do leaves the store untouched. */
  #remember(end: Pick<SyncMemory, 'lastEnd' | 'failure'>, moved: number): void {
    const { store, log } = this.#context;
    const memory = {
      ...end,
      ...omitUndefined({ remote: this.#remote, lastOkMs: this.#lastOkMs }),
    };
    try {
      const before = readSyncMemory(store.state.get('sync_memory'));
      if (moved > 0 || !isSame(before, memory)) store.state.set('sync_memory', memory);
    } catch (error) {
      // A full disk, say: the cycle's work is done all the same, and its callers wait for the answer.
      log.error('the outcome of the sync could not be recorded', { error });
    }
  }

  #report(
    { end, pushed }: CycleReport,
    { imported, notice }: { imported: number; notice: string | undefined },
  ): SyncReport {
    const failure = typeof end === 'string' ? this.#mirror.failure : end;
    const pending = this.#driver.pendingCount();
    return {
      state: this.#stateName(pending, failure),
      pending,
      pushed,
      imported,
      remote: this.#remote ?? null,
      error: failure === undefined ? (notice ?? null) : `${failure.message}. ${failure.remedy}`,
    };
  }

  #stateName(pending: number, failure: SyncFailure | undefined): SharingState {
    const { push, isByHand } = this.#context.settings;
    return syncStateName(this.#driver.state, { pending, push, isByHand, failure });
  }

  /** The cycle's own report, or that the remote does not answer. */
  async #orUnanswered(report: Promise<SyncReport>): Promise<SyncReport> {
    const waitedMs = REMOTE_PATIENCE_MS;
    const silence = this.#context.remoteWait?.whenUnanswered(waitedMs);
    if (silence === undefined) return report;
    const giveUp = silence.passed.then(() => {
      const end = unanswered(this.#remote, { waitedMs, goesOn: this.#driver.isRunning });
      return this.#report({ ...emptyCycleReport(), end }, { imported: 0, notice: undefined });
    });
    try {
      return await Promise.race([report, giveUp]);
    } finally {
      silence.cancel();
    }
  }
}

function isSame(left: SyncMemory, right: SyncMemory): boolean {
  return (
    left.lastEnd === right.lastEnd &&
    left.remote === right.remote &&
    left.failure?.message === right.failure?.message
  );
}
