import { watch } from 'node:fs';
import { basename, resolve } from 'node:path';
import { WATCH_POLL_INTERVAL_MS } from '../core/limits.ts';

export type WatchKind = 'native' | 'polling';

export interface WatchedFiles {
  directory: string;
  /** Of files directly in the directory. */
  names: readonly string[];
  /** Called when one of the files appears, changes or goes; often more than once for one change. */
  onChange: (name: string) => void;
  onError: (error: unknown) => void;
  kind?: WatchKind;
}

/**
 * Watches files in one directory until it is closed. Chokidar is used to poll only: with the system's own events
 * it reads the whole directory again at each of them, and drops a change that follows another within 50 ms.
 */
export class DirectoryWatch {
  /** Resolves when the watcher misses no change any more. */
  readonly ready: Promise<void>;
  readonly #files: WatchedFiles;
  readonly #root: string;
  readonly #closing = new AbortController();
  #kind: WatchKind;
  #setReady: () => void = () => {};

  constructor(files: WatchedFiles) {
    this.#files = files;
    this.#root = resolve(files.directory);
    this.#kind = files.kind ?? 'native';
    this.ready = new Promise<void>((done) => (this.#setReady = done));
    if (this.#kind === 'native') this.#watch();
    else void this.#poll();
  }

  /** `polling` when the system had no watches left: changes are then seen up to a second late. */
  get kind(): WatchKind {
    return this.#kind;
  }

  close(): void {
    this.#setReady();
    this.#closing.abort();
  }

  #watch(): void {
    const { signal } = this.#closing;
    try {
      watch(this.#root, { signal }, (_event, name) => this.#report(name)).on('error', (error) =>
        this.#fail(error),
      );
      this.#setReady();
    } catch (error) {
      // The caller has no watch to close yet.
      process.nextTick(() => this.#fail(error));
    }
  }

  async #poll(): Promise<void> {
    const { watch: poll } = await import('chokidar');
    const { signal } = this.#closing;
    if (signal.aborted) return;
    const poller = poll(this.#root, {
      depth: 0,
      ignoreInitial: true,
      usePolling: true,
      interval: WATCH_POLL_INTERVAL_MS,
      ignored: (path) =>
        resolve(path) !== this.#root && !this.#files.names.includes(basename(path)),
    })
      .on('all', (_event, path) => this.#report(basename(path)))
      // Compares with a first look, which is done one interval later.
      .on('ready', () => setTimeout(this.#setReady, WATCH_POLL_INTERVAL_MS))
      .on('error', (error) => this.#fail(error));
    signal.addEventListener('abort', () => void poller.close());
  }

  /** The system may not say which file it was. */
  #report(name: string | null): void {
    if (this.#closing.signal.aborted) return;
    for (const each of this.#files.names) {
      if (name === null || name === each) this.#files.onChange(each);
    }
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    if (this.#kind === 'native' && isOutOfWatches(error)) {
      this.#kind = 'polling';
      void this.#poll();
    } else {
      this.#setReady();
      this.#files.onError(error);
    }
  }
}

export function isOutOfWatches(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'EMFILE' || error.code === 'ENOSPC' || error.code === 'ENFILE')
  );
}
