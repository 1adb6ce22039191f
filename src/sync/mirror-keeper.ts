import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { MIRROR_LOOK_INTERVAL_MS, OPERATION_LOOK_INTERVAL_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import type { DirectorySetWatch } from '../platform/directory-set-watch.ts';
import type { WatchKind } from '../platform/directory-watch.ts';
import type { Log } from '../platform/log.ts';
import type { Store } from '../store/store.ts';
import type { Reached, SyncCycle } from './cycle.ts';
import { joinNotice } from './intake/join-news.ts';
import {
  GIT_COMMAND,
  type FlushOptions,
  type Mirror,
  type MirrorReport,
} from './mirror/mirror-file.ts';
import { ifReadable, type SyncDriver } from './sync-driver.ts';
import { failureFrom, type SyncFailure } from './sync-failure.ts';
import type { SyncSettings } from './sync-event.ts';
import { sweepTombstones } from './tombstone-sweep.ts';

export interface MirrorKeeperOptions {
  store: Store;
  mirror: Mirror;
  /** What the cycle commits; undefined where the mirror is all that others get to see. */
  commits: SyncCycle['commits'] | undefined;
  driver: SyncDriver;
  clock: Clock;
  settings: SyncSettings;
  guard: () => void;
  log: Log;
  reached: Reached;
}

/** Flushes the mirror, one flush at a time, and notices edits of it by others. */
export class MirrorKeeper {
  readonly #options: MirrorKeeperOptions;
  readonly #driver: SyncDriver;
  #turn: Promise<unknown> = Promise.resolve();
  #failure: SyncFailure | undefined;
  #lockedSinceMs: number | undefined;
  #watch: DirectorySetWatch | undefined;
  #cancelLook = (): void => {};

  constructor(options: MirrorKeeperOptions) {
    this.#options = options;
    this.#driver = options.driver;
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
    const { store, mirror } = this.#options;
    return ifReadable(store, () => mirror.isBehind(), true);
  }

  hasMoved(): boolean {
    return this.#options.mirror.hasMoved();
  }

  /** Takes in edits of the file by others, then writes it if the store is ahead. */
  flush(options?: FlushOptions): Promise<MirrorReport> {
    const turn = this.#turn.then(() => this.#flushNow(options));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** The first notice that one of `reports` has for people. */
  notice(...reports: (MirrorReport | undefined)[]): string | undefined {
    const source = basename(this.#options.mirror.path);
    return reports
      .map((report) => report && joinNotice(source, report))
      .find((text) => text !== undefined);
  }

  watching(): WatchKind | 'off' {
    return this.#watch?.kind() ?? 'off';
  }

  /** Settles when edits cannot be missed any more. */
  async watch(signal: AbortSignal): Promise<void> {
    const { settings, mirror } = this.#options;
    if (!settings.watchesFiles) return this.#lookRegularly(signal);
    this.#watch = await this.#openWatch();
    await Promise.race([this.#watch.follow(mirror.directories()), aborted(signal)]);
  }

  async unwatch(): Promise<void> {
    this.#cancelLook();
    await this.#watch?.close();
  }

  /** Settles when the flushes asked for so far have ended, however they did. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  async #flushNow(options: FlushOptions | undefined): Promise<MirrorReport> {
    const { store, mirror, clock, commits, guard, reached } = this.#options;
    this.#driver.dispatch({ kind: 'flush_started' });
    try {
      guard();
      await sweepTombstones(store, clock);
      const report = await mirror.flush(options);
      await reached('mirror written');
      void this.#followMirror();
      // The file is all that others get to see: what it shows is shared.
      if (commits === undefined) store.outbox.clearThrough(mirror.shownSeq());
      this.#noteFlush(report);
      return report;
    } catch (error) {
      this.#noteFailure(store.explain(error));
      throw error;
    }
  }

  #noteFlush(report: MirrorReport): void {
    const { commits, log, clock } = this.#options;
    const driver = this.#driver;
    this.#failure = undefined;
    const isLocked = report.postponed === GIT_COMMAND;
    this.#lockedSinceMs = isLocked ? (this.#lockedSinceMs ?? clock.nowMs()) : undefined;
    const notice = this.notice(report);
    if (notice !== undefined) log.warn(notice);
    // After a checkout, say, the store is as before, and the file is to be committed all the same.
    if (report.written && commits === 'mirror' && driver.pendingCount() === 0) {
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
      this.#options.log.error(failure.message, { error });
    }
    this.#failure = failure;
    this.#driver.dispatch({ kind: 'flush_failed' });
  }

  /** Git does not announce the end of a merge or rebase. */
  #lookLater(): void {
    this.#cancelLook();
    if (!this.#driver.isRunning) return;
    const look = (): void => this.#driver.dispatch({ kind: 'mirror_changed' });
    this.#cancelLook = this.#options.clock.after(OPERATION_LOOK_INTERVAL_MS, look);
  }

  async #followMirror(): Promise<void> {
    const isNew = await this.#watch?.follow(this.#options.mirror.directories());
    // Catches edits made before the watcher was ready.
    if (isNew) this.#driver.dispatch({ kind: 'mirror_changed' });
  }

  async #openWatch(): Promise<DirectorySetWatch> {
    const { mirror, log } = this.#options;
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
      cancel = this.#options.clock.after(MIRROR_LOOK_INTERVAL_MS, () => {
        this.#driver.dispatch({ kind: 'mirror_changed' });
        wait();
      });
    };
    if (!signal.aborted) wait();
    signal.addEventListener('abort', () => cancel(), { once: true });
  }
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
