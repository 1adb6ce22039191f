import { BdError } from '../core/errors.ts';
import { INDEX_LOCK_LOOK_MS, INDEX_LOCK_WAIT_MS, MIRROR_WAIT_MS } from '../core/limits.ts';
import type { Clock } from '../platform/clock.ts';
import type { MirrorKeeper } from './mirror-keeper.ts';
import type { Mirror, MirrorReport } from './mirror/mirror-file.ts';
import type { SyncSettings } from './sync-event.ts';

/** Whether the store has every edit of the mirror that was made before the question. */
export type Freshness = 'current' | 'stale';

interface FreshnessOptions {
  mirror: Mirror;
  keeper: MirrorKeeper;
  clock: Clock;
  settings: SyncSettings;
}

/** Keeps answers from being older than the mirror, and a tracked mirror from being older than an answer. */
export class FreshnessGuard {
  readonly #options: FreshnessOptions;
  /** A flush that has not begun, so that it will see everything that is there now. */
  #nextFlush: Promise<MirrorReport> | undefined;
  /** When the first caller began to wait for the flush that runs. */
  #waitingSinceMs: number | undefined;

  constructor(options: FreshnessOptions) {
    this.#options = options;
  }

  /** Call before an answer. In the usual case this costs one stat of each mirror. */
  async catchUp(): Promise<Freshness> {
    const { mirror, keeper } = this.#options;
    try {
      const isLocked = this.#waitsForGit();
      if (!isLocked && !mirror.mayBeEdited()) return 'current';
      if (this.#remainingMs() <= 0) return 'stale';
      if (!isLocked && (await this.#isInStore())) return 'current';
    } catch {
      // The file cannot be read. The flush finds the reason, unless the status has it already.
      if (keeper.failure !== undefined) return 'stale';
    }
    try {
      return (await this.#flushPastLock()) === undefined ? 'stale' : 'current';
    } catch {
      // The keeper has the failure. If only the write failed, the edit is in the store.
      return (await this.#isInStore().catch(() => false)) ? 'current' : 'stale';
    }
  }

  /** Call after a change. Returns when a mirror that git tracks shows it; throws when it does not. */
  async showChange(): Promise<void> {
    const { mirror, keeper, settings } = this.#options;
    if (!settings.isTracked || !keeper.isBehind()) return;
    if ((await this.#flushPastLock()) !== undefined) return;
    throw new BdError('FILE_UNUSABLE', {
      message: `${mirror.path} does not show the change yet, because writing it takes long`,
      remedy: 'Run `bd sync` before you commit that file: it returns when the file is written.',
    });
  }

  /** Once its edits are in the store, a file that cannot be replaced is not waited for. */
  async #isInStore(): Promise<boolean> {
    const { mirror, keeper } = this.#options;
    const look = await mirror.look();
    return look === 'settled' || (look === 'taken_in' && keeper.failure !== undefined);
  }

  /** Git holds the index for moments: a flush that was put off for that is tried again. */
  async #flushPastLock(): Promise<MirrorReport | undefined> {
    const { clock } = this.#options;
    for (;;) {
      const report = await this.#flushInTime();
      if (!this.#waitsForGit()) return report;
      await new Promise<void>((resolve) => {
        clock.after(INDEX_LOCK_LOOK_MS, resolve);
      });
    }
  }

  #waitsForGit(): boolean {
    const { clock, keeper } = this.#options;
    const sinceMs = keeper.lockedSinceMs;
    return sinceMs !== undefined && clock.nowMs() < sinceMs + INDEX_LOCK_WAIT_MS;
  }

  /** One flush for all callers that ask before it begins; undefined when it does not end in time. */
  async #flushInTime(): Promise<MirrorReport | undefined> {
    const { clock } = this.#options;
    const remainingMs = this.#remainingMs();
    if (remainingMs <= 0) return undefined;
    this.#waitingSinceMs ??= clock.nowMs();
    const flushed = (this.#nextFlush ??= this.#flushNext());
    let cancel = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      cancel = clock.after(remainingMs, () => resolve(undefined));
    });
    try {
      return await Promise.race([flushed, late]);
    } finally {
      cancel();
    }
  }

  #remainingMs(): number {
    const sinceMs = this.#waitingSinceMs;
    if (sinceMs === undefined) return MIRROR_WAIT_MS;
    return sinceMs + MIRROR_WAIT_MS - this.#options.clock.nowMs();
  }

  async #flushNext(): Promise<MirrorReport> {
    const { keeper } = this.#options;
    await keeper.settled();
    this.#nextFlush = undefined;
    try {
      return await keeper.flush();
    } finally {
      this.#waitingSinceMs = undefined;
    }
  }
}
