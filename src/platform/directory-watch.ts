import { watch, type FSWatcher } from 'chokidar';
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

/** Watches files in one directory until it is closed. */
export class DirectoryWatch {
  /** Resolves when the watcher misses no change any more. */
  readonly ready: Promise<void>;
  readonly #files: WatchedFiles;
  readonly #root: string;
  #kind: WatchKind;
  #watcher: FSWatcher;
  #isClosed = false;
  #setReady: () => void = () => {};

  constructor(files: WatchedFiles) {
    this.#files = files;
    this.#root = resolve(files.directory);
    this.#kind = files.kind ?? 'native';
    this.ready = new Promise<void>((done) => (this.#setReady = done));
    this.#watcher = this.#start();
  }

  /** `polling` when the system had no watches left: changes are then seen up to a second late. */
  get kind(): WatchKind {
    return this.#kind;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#setReady();
    await this.#watcher.close();
  }

  #start(): FSWatcher {
    const isPolling = this.#kind === 'polling';
    return (
      watch(this.#root, {
        depth: 0,
        ignoreInitial: true,
        // Otherwise chokidar reports a rename over the file 100 ms late.
        atomic: false,
        usePolling: isPolling,
        interval: WATCH_POLL_INTERVAL_MS,
        ignored: (path) =>
          resolve(path) !== this.#root && !this.#files.names.includes(basename(path)),
      })
        .on('all', (_event, path) => this.#report(path))
        // The system's own event: chokidar drops a change that follows another within 50 ms.
        .on('raw', (_event, path) => this.#report(path))
        // Polling compares with a first look, which is done one interval later.
        .on('ready', () =>
          isPolling ? setTimeout(this.#setReady, WATCH_POLL_INTERVAL_MS) : this.#setReady(),
        )
        .on('error', (error) => this.#fail(error))
    );
  }

  #report(path: string | null): void {
    const name = basename(path ?? '');
    if (!this.#isClosed && this.#files.names.includes(name)) this.#files.onChange(name);
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    if (this.#kind === 'native' && isOutOfWatches(error)) {
      this.#kind = 'polling';
      void this.#watcher.close();
      this.#watcher = this.#start();
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
