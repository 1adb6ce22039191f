import { BdError } from '../core/errors.ts';
import { INDEX_LOCK_LOOK_MS, INDEX_LOCK_WAIT_MS, MIRROR_WAIT_MS } from '../core/limits.ts';
import type { MirrorKeeper } from './mirror-keeper.ts';
import type { MirrorReport } from './mirror/mirror-file.ts';
import type { SyncContext } from './sync-driver.ts';

/** Whether the store has every edit of the mirror that was made before the question. */
export type Freshness = 'current' | 'stale';

/** Keeps answers from being older than the mirror, and a tracked mirror from being older than an answer. */
export class FreshnessGuard {
  readonly #context: SyncContext;
  readonly #keeper: MirrorKeeper;
  /** A flush that has not begun, so that it will see everything that is there now. */
  #nextFlush: Promise<MirrorReport> | undefined;
  /** When the first caller began to wait for the flush that runs. */
  #waitingSinceMs: number | undefined;

  constructor(context: SyncContext, keeper: MirrorKeeper) {
    this.#context = context;
    this.#keeper = keeper;
  }

  /** Call before an answer. In the usual case this costs one stat of each mirror. */
  async catchUp(): Promise<Freshness> {
    const { mirror } = this.#context;
    try {
      const isLocked = this.#waitsForGit();
      if (!isLocked && !mirror.mayBeEdited()) return 'current';
      if (this.#remainingMs() <= 0) return 'stale';
      if (!isLocked && (await this.#isInStore())) return 'current';
    } catch {
      // The file cannot be read. The flush finds the reason, unless the status has it already.
      if (this.#keeper.failure !== undefined) return 'stale';
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
    const { mirror, settings } = this.#context;
    if (!settings.isTracked || !this.#keeper.isBehind()) return;
    if ((await this.#flushPastLock()) !== undefined) return;
    throw new BdError('FILE_UNUSABLE', {
      message: `${mirror.path} does not show the change yet, because writing it takes long`,
      remedy: 'Run `bd sync` before you commit that file: it returns when the file is written.',
    });
  }

  /** Once its edits are in the store, a file that cannot be replaced is not waited for. */
  async #isInStore(): Promise<boolean> {
    const { mirror } = this.#context;
    const look = await mirror.look();
    return look === 'settled' || (look === 'taken_in' && this.#keeper.failure !== undefined);
  }

  /** Git holds the index for moments: a flush that was put off for that is tried again. */
  async #flushPastLock(): Promise<MirrorReport | undefined> {
    for (;;) {
      const report = await this.#flushInTime();
      if (!this.#waitsForGit()) return report;
      await new Promise<void>((resolve) => {
        this.#context.clock.after(INDEX_LOCK_LOOK_MS, resolve);
      });
    }
  }

  #waitsForGit(): boolean {
    const sinceMs = this.#keeper.lockedSinceMs;
    return sinceMs !== undefined && this.#context.clock.nowMs() < sinceMs + INDEX_LOCK_WAIT_MS;
  }

  /** One flush for all callers that ask before it begins; undefined when it does not end in time. */
  async #flushInTime(): Promise<MirrorReport | undefined> {
    const { clock } = this.#context;
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
    return sinceMs + MIRROR_WAIT_MS - this.#context.clock.nowMs();
  }

  async #flushNext(): Promise<MirrorReport> {
    await this.#keeper.settled();
    this.#nextFlush = undefined;
    try {
      return await this.#keeper.flush();
    } finally {
      this.#waitingSinceMs = undefined;
    }
  }
}
