import { join } from 'node:path';
import { watchDirectory, type DirectoryWatch, type WatchKind } from './directory-watch.ts';

/** Watches files of the same names in a changing set of directories. */
export interface DirectorySetWatch {
  /** Watches these from now on. Settles when it misses no change in them, with whether any is new. */
  follow(directories: readonly string[]): Promise<boolean>;
  /** Undefined while nothing is watched; `polling` as soon as one directory is. */
  kind(): WatchKind | undefined;
  close(): Promise<void>;
}

export function createDirectorySetWatch({
  names,
  onChange,
  onError,
}: {
  names: readonly string[];
  /** Told the path of the file. */
  onChange: (path: string) => void;
  onError: (error: unknown, directory: string) => void;
}): DirectorySetWatch {
  const watches = new Map<string, DirectoryWatch>();
  let isClosed = false;

  const start = (directory: string): DirectoryWatch =>
    watchDirectory({
      directory,
      names,
      onChange: (name) => onChange(join(directory, name)),
      onError: (error) => onError(error, directory),
    });

  return {
    async follow(directories) {
      if (isClosed) return false;
      for (const [directory, watch] of watches) {
        if (directories.includes(directory)) continue;
        watches.delete(directory);
        void watch.close();
      }
      const added = directories.filter((directory) => !watches.has(directory));
      const started = added.map((directory) => {
        const watch = start(directory);
        watches.set(directory, watch);
        return watch.ready;
      });
      await Promise.all(started);
      return added.length > 0;
    },
    kind() {
      const kinds = [...watches.values()].map(({ kind }) => kind);
      return isClosed ? undefined : (kinds.find((kind) => kind === 'polling') ?? kinds[0]);
    },
    async close() {
      isClosed = true;
      await Promise.all([...watches.values()].map((watch) => watch.close()));
    },
  };
}
