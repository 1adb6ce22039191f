import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { MIRROR_LOOK_INTERVAL_MS, OPERATION_LOOK_INTERVAL_MS } from '../core/limits.ts';
import type { DirectorySetWatch } from '../platform/directory-set-watch.ts';
import type { WatchKind } from '../platform/directory-watch.ts';
import { joinNotice } from './intake/join-news.ts';
import { GIT_COMMAND, type FlushOptions, type MirrorReport } from './mirror/mirror-file.ts';
import { ifReadable, type SyncContext, type SyncDriver } from './sync-driver.ts';
import { failureFrom, type SyncFailure } from './sync-failure.ts';
import { sweepTombstones } from './tombstone-sweep.ts';

/** Flushes the mirror, one flush at a time, and notices edits of it by others. */
export class MirrorKeeper {
  readonly #context: SyncContext;
  readonly #driver: SyncDriver;
  #turn: Promise<unknown> = Promise.resolve();
  #failure: SyncFailure | undefined;
  #lockedSinceMs: number | undefined;
  #watch: DirectorySetWatch | undefined;
  #cancelLook = (): void => {};

  constructor(context: SyncContext, driver: SyncDriver) {
    this.#context = context;
    this.#driver = driver;
  }

  /** Why the last flush failed; undefined when it did not. */
  get failure(): SyncFailure | undefined {
    return this.#failure;
  }

  /** Since when flushes are put off because git holds the index; undefined when it does not. */
  get lockedSinceMs(): number | undefined {
    return this.#lockedSinceMs;
  }

  isBehind(): boolean {
    const { store, mirror } = this.#context;
    return ifReadable(store, () => mirror.isBehind(), true);
  }

  /** Takes in edits of the file by others, then writes it if the store is ahead. */
  flush(options?: FlushOptions): Promise<MirrorReport> {
    const turn = this.#turn.then(() => this.#flushNow(options));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** The first notice that one of `reports` has for people. */
  notice(...reports: (MirrorReport | undefined)[]): string | undefined {
    const source = basename(this.#context.mirror.path);
    return reports
      .map((report) => report && joinNotice(source, report))
      .find((text) => text !== undefined);
  }

  watching(): WatchKind | 'off' {
    return this.#watch?.kind() ?? 'off';
  }

  /** Settles when edits cannot be missed any more. */
  async watch(signal: AbortSignal): Promise<void> {
    const { settings, mirror } = this.#context;
    if (!settings.watchesFiles) return this.#lookRegularly(signal);
    this.#watch = await this.#openWatch();
    await Promise.race([this.#watch.follow(mirror.directories()), aborted(signal)]);
  }

  unwatch(): void {
    this.#cancelLook();
    this.#watch?.close();
  }

  /** Settles when the flushes asked for so far have ended, however they did. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  async #flushNow(options: FlushOptions | undefined): Promise<MirrorReport> {
    const { store, mirror, clock, cycle, guard, reached } = this.#context;
    this.#driver.dispatch({ kind: 'flush_started' });
    try {
      guard();
      await sweepTombstones(store, clock);
      const report = await mirror.flush(options);
      await reached?.('mirror written');
      void this.#followMirror();
      // The file is all that others get to see: what it shows is shared.
      if (cycle === undefined) store.outbox.clearThrough(mirror.shownSeq());
      this.#noteFlush(report);
      return report;
    } catch (error) {
      this.#noteFailure(store.explain(error));
      throw error;
    }
  }

  #noteFlush(report: MirrorReport): void {
    const { cycle, log, clock } = this.#context;
    const driver = this.#driver;
    this.#failure = undefined;
    const isLocked = report.postponed === GIT_COMMAND;
    this.#lockedSinceMs = isLocked ? (this.#lockedSinceMs ?? clock.nowMs()) : undefined;
    const notice = this.notice(report);
    if (notice !== undefined) log.warn(notice);
    // After a checkout, say, the store is as before, and the file is to be committed all the same.
    if (report.written && cycle?.commits === 'mirror' && driver.pendingCount() === 0) {
      driver.dispatch({ kind: 'store_changed', pending: 1 });
    }
    const isPostponed = report.postponed !== undefined;
    driver.dispatch({ kind: 'flush_ended', behind: this.isBehind() && !isPostponed });
    if (isPostponed) this.#lookLater();
  }

  #noteFailure(error: unknown): void {
    const failure = failureFrom(error);
    // A cause that lasts is logged once.
    if (this.#failure?.message !== failure.message) {
      this.#context.log.error(failure.message, { error });
    }
    this.#failure = failure;
    this.#driver.dispatch({ kind: 'flush_failed' });
  }

  /** Git does not announce the end of a merge or rebase. */
  #lookLater(): void {
    this.#cancelLook();
    if (!this.#driver.isRunning) return;
    const look = (): void => this.#driver.dispatch({ kind: 'mirror_changed' });
    this.#cancelLook = this.#context.clock.after(OPERATION_LOOK_INTERVAL_MS, look);
  }

  async #followMirror(): Promise<void> {
    const isNew = await this.#watch?.follow(this.#context.mirror.directories());
    // Catches edits made before the watcher was ready.
    if (isNew) this.#driver.dispatch({ kind: 'mirror_changed' });
  }

  async #openWatch(): Promise<DirectorySetWatch> {
    const { mirror, log } = this.#context;
    // Loaded here: a command without daemon watches nothing.
    const { DirectorySetWatch } = await import('../platform/directory-set-watch.ts');
    return new DirectorySetWatch({
      names: [basename(mirror.path)],
      onChange: (path) =>
        this.#driver.dispatch({ kind: existsSync(path) ? 'mirror_changed' : 'mirror_gone' }),
      onError: (error, directory) =>
        log.error('outside edits of the mirror may be missed', { directory, error }),
    });
  }

  /** Where files are not watched. */
  #lookRegularly(signal: AbortSignal): void {
    let cancel = (): void => {};
    const wait = (): void => {
      cancel = this.#context.clock.after(MIRROR_LOOK_INTERVAL_MS, () => {
        this.#driver.dispatch({ kind: 'mirror_changed' });
        wait();
      });
    };
    if (!signal.aborted) wait();
    signal.addEventListener('abort', () => cancel(), { once: true });
  }
}

export async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
