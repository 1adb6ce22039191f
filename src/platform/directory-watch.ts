import { watch, type FSWatcher } from 'chokidar';
import { basename, resolve } from 'node:path';
import { WATCH_POLL_INTERVAL_MS } from '../core/limits.ts';

export type WatchKind = 'native' | 'polling';

export interface DirectoryWatch {
  /** `polling` when the system had no watches left: changes are then seen up to a second late. */
  readonly kind: WatchKind;
  /** Settles when the watcher misses no change any more. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/**
 * Calls back when one of the files `names` directly in `directory` appears, changes or goes; often more than
 * once for one change.
 */
export function watchDirectory({
  directory,
  names,
  onChange,
  onError,
  kind: wanted = 'native',
}: {
  directory: string;
  names: readonly string[];
  onChange: (name: string) => void;
  onError: (error: unknown) => void;
  kind?: WatchKind;
}): DirectoryWatch {
  const root = resolve(directory);
  let kind = wanted;
  let closed = false;
  let settle: () => void = () => {};
  const ready = new Promise<void>((done) => (settle = done));

  const start = (): FSWatcher =>
    watch(root, {
      depth: 0,
      ignoreInitial: true,
      // Otherwise chokidar holds a rename over the file back for 100 ms.
      atomic: false,
      usePolling: kind === 'polling',
      interval: WATCH_POLL_INTERVAL_MS,
      ignored: (path) => resolve(path) !== root && !names.includes(basename(path)),
    })
      .on('all', (_event, path) => tell(path))
      // The system's own event: chokidar drops a change that follows another within 50 ms.
      .on('raw', (_event, path) => tell(path))
      // Polling compares with a first look, which is done one interval later.
      .on('ready', () =>
        kind === 'polling' ? setTimeout(settle, WATCH_POLL_INTERVAL_MS) : settle(),
      )
      .on('error', fail);

  function tell(path: string | null): void {
    const name = basename(path ?? '');
    if (!closed && names.includes(name)) onChange(name);
  }

  function fail(error: unknown): void {
    if (closed) return;
    if (kind === 'native' && isOutOfWatches(error)) {
      kind = 'polling';
      void watcher.close();
      watcher = start();
    } else {
      settle();
      onError(error);
    }
  }

  let watcher = start();
  return {
    get kind() {
      return kind;
    },
    ready,
    async close() {
      closed = true;
      settle();
      await watcher.close();
    },
  };
}

export function isOutOfWatches(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'EMFILE' || error.code === 'ENOSPC' || error.code === 'ENFILE')
  );
}
