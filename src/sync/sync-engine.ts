import type { SyncReport, SyncStatus } from '../core/sharing.ts';
import type { WatchKind } from '../platform/directory-watch.ts';
import { FreshnessGuard, type Freshness } from './freshness.ts';
import { CycleRunner } from './cycle-runner.ts';
import { aborted, MirrorKeeper } from './mirror-keeper.ts';
import type { FlushOptions, MirrorReport } from './mirror/mirror-file.ts';
import { SyncDriver, type SyncContext } from './sync-driver.ts';
import { failureFrom, type SyncFailure } from './sync-failure.ts';
import { readSyncMemory } from './sync-state.ts';

/** Keeps the mirror, the branch and the store together. */
export class SyncEngine {
  readonly #open: () => SyncContext;
  #parts: Parts;
  /** Settles when no change of how issues are shared is under way. */
  #replaced: Promise<unknown> = Promise.resolve();
  #isReplacing = false;
  /** The repository holds issues that could not be read into the store yet. */
  #isIncomplete = false;
  #running: Promise<void> = Promise.resolve();
  #stopRunning = (): void => {};

  /** `open` is called again after each `replace`. */
  constructor(open: () => SyncContext) {
    this.#open = open;
    this.#parts = assemble(open());
  }

  /** Call after each change: it will reach the mirror and the remote. */
  storeChanged(): void {
    const { context, driver } = this.#parts;
    // With more than a batch the cycle begins at once, however many there are.
    const pending = driver.pendingCount(context.settings.batchMax);
    driver.dispatch({ kind: 'store_changed', pending });
  }

  /** Call when the workspace is used: others' changes are then looked for more often. */
  activity(): void {
    const { context, driver } = this.#parts;
    driver.dispatch({ kind: 'activity' });
    const mayDiffer = context.mirror.hasMoved() || !context.settings.watchesFiles;
    if (mayDiffer) driver.dispatch({ kind: 'mirror_changed' });
  }

  /**
   * Call once, before the first answer: after a loss, or in a fresh clone, brings everything into the
   * store that the mirror and the repository hold. Failures are in the status, and tried again.
   */
  async restore(): Promise<void> {
    const { mirror, context } = this.#parts;
    // A mirror that cannot be used does not stop the restore from the repository.
    if (context.store.events.lastSeq() === 0) await mirror.flush().catch(() => {});
    await this.#restoreFromRepository();
  }

  /** Call before an answer: takes in edits of the mirror. 'stale' when that fails or takes too long. */
  async catchUp(): Promise<Freshness> {
    // The parts that go do not know where the mirror will be.
    if (this.#isReplacing) return 'stale';
    if (this.#isIncomplete) await this.#restoreFromRepository();
    const freshness = await this.#parts.freshness.catchUp();
    return this.#isIncomplete ? 'stale' : freshness;
  }

  /** Call after a change: returns when a mirror that git tracks shows it; throws when it does not. */
  async showChange(): Promise<void> {
    if (!this.#isReplacing) await this.#parts.freshness.showChange();
  }

  /** Takes in outside edits of the mirror, then writes it if the store is ahead. */
  async flushMirror(options?: FlushOptions): Promise<MirrorReport> {
    await this.#replaced;
    return this.#parts.mirror.flush(options);
  }

  /** One full cycle that covers every change made before the call; the report comes early when the remote is silent. */
  async syncNow(options?: FlushOptions): Promise<SyncReport> {
    await this.#replaced;
    return this.#parts.cycles.sync(options);
  }

  /** Why the mirror cannot be read or written; undefined when the last try went well. */
  get mirrorFailure(): SyncFailure | undefined {
    return this.#parts.mirror.failure;
  }

  status(): SyncStatus {
    return this.#parts.cycles.status();
  }

  /** How edits of the mirror are noticed. */
  watching(): WatchKind | 'off' {
    return this.#parts.mirror.watching();
  }

  /** Works in the background until `signal`; only a process that stays needs it. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const stop = new AbortController();
      this.#stopRunning = () => stop.abort();
      signal.addEventListener('abort', this.#stopRunning, { once: true });
      this.#running = runParts(this.#parts, stop.signal);
      await this.#running;
      signal.removeEventListener('abort', this.#stopRunning);
      await this.#replaced;
    }
  }

  /** The last call: lets a local step end, stops what talks to the remote, writes the mirror. */
  async drain(): Promise<void> {
    await this.#replaced;
    await drainParts(this.#parts);
  }

  async #restoreFromRepository(): Promise<void> {
    const { cycle, store, log } = this.#parts.context;
    try {
      await cycle?.restore?.();
      this.#isIncomplete = false;
    } catch (error) {
      // The next cycle meets the same, and keeps it for the status. Logged once: each call comes here.
      const { message } = failureFrom(store.explain(error));
      if (!this.#isIncomplete) log.error(message, { error });
      this.#isIncomplete = true;
    }
  }

  /**
   * Ends all work, makes a change that decides how issues are shared, and starts again by what holds then.
   * Changes of the store meanwhile are not missed, as the start looks at everything.
   */
  async replace<T>(change: () => Promise<T>): Promise<T> {
    const replaced = this.#replaced.then(async () => {
      this.#isReplacing = true;
      this.#stopRunning();
      await this.#running;
      try {
        await drainParts(this.#parts);
        return await change();
      } finally {
        this.#isReplacing = false;
        this.#parts = assemble(this.#open());
      }
    });
    this.#replaced = replaced.catch(() => {});
    return await replaced;
  }
}

type Parts = ReturnType<typeof assemble>;

function assemble(context: SyncContext) {
  const memory = readSyncMemory(context.store.state.get('sync_memory'));
  const driver: SyncDriver = new SyncDriver(context, {
    memory,
    perform(action) {
      if (action === 'run_cycle') cycles.start();
      // The keeper logs a failure, and the driver retries.
      else void mirror.flush().catch(() => {});
    },
  });
  const mirror = new MirrorKeeper(context, driver);
  const freshness = new FreshnessGuard(context, mirror);
  const cycles = new CycleRunner(context, { mirror, driver, memory });
  return { context, driver, mirror, freshness, cycles };
}

async function runParts({ driver, mirror, cycles }: Parts, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await mirror.watch(signal);
  if (!signal.aborted) driver.start();
  // Catches edits made before the watcher was ready.
  driver.dispatch({ kind: 'mirror_changed' });
  await aborted(signal);
  driver.stop();
  cycles.stopNetwork();
  mirror.unwatch();
  await cycles.settled();
  await mirror.settled();
}

async function drainParts({ driver, mirror, cycles }: Parts): Promise<void> {
  driver.stop();
  cycles.stopNetwork();
  await cycles.settled();
  await mirror.flush();
}
