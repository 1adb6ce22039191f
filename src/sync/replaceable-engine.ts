import type { SyncEngine } from './sync-engine.ts';

/** An engine that another one can take the place of, for those who use it unseen. */
export interface ReplaceableEngine extends SyncEngine {
  /** Drains the engine, makes the change, and goes on with one that is opened after it. */
  replace<T>(change: () => Promise<T>): Promise<T>;
}

/** Changes of the store meanwhile are not missed: an engine looks at all when it begins. */
export function createReplaceableEngine(open: () => SyncEngine): ReplaceableEngine {
  let engine = open();
  let replacing: Promise<unknown> = Promise.resolve();
  let running: Promise<void> = Promise.resolve();
  let stopRunning = (): void => {};

  const replaceNow = async <T>(change: () => Promise<T>): Promise<T> => {
    stopRunning();
    await running;
    try {
      await engine.drain();
      return await change();
    } finally {
      engine = open();
    }
  };

  return {
    storeChanged: () => engine.storeChanged(),
    activity: () => engine.activity(),
    status: () => engine.status(),
    watching: () => engine.watching(),
    async flushMirror(options) {
      await replacing;
      return engine.flushMirror(options);
    },
    async syncNow(options) {
      await replacing;
      return engine.syncNow(options);
    },
    async run(signal) {
      while (!signal.aborted) {
        const stop = new AbortController();
        stopRunning = () => stop.abort();
        signal.addEventListener('abort', stopRunning, { once: true });
        running = engine.run(stop.signal);
        await running;
        signal.removeEventListener('abort', stopRunning);
        await replacing;
      }
    },
    async drain() {
      await replacing;
      await engine.drain();
    },
    async replace(change) {
      const before = replacing;
      const replaced = before.then(() => replaceNow(change));
      replacing = replaced.catch(() => {});
      return await replaced;
    },
  };
}
