import { join } from 'node:path';
import { DirectoryWatch, type WatchKind } from './directory-watch.ts';

interface WatchedSet {
  names: readonly string[];
  /** Gets the path of the file. */
  onChange: (path: string) => void;
  onError: (error: unknown, directory: string) => void;
}

/** Watches files of the same names in a changing set of directories. */
export class DirectorySetWatch {
  readonly #set: WatchedSet;
  readonly #watches = new Map<string, DirectoryWatch>();
  #isClosed = false;

  constructor(set: WatchedSet) {
    this.#set = set;
  }

  /** Watches these directories only. Resolves, once no change is missed, to whether any of them is new. */
  async follow(directories: readonly string[]): Promise<boolean> {
    if (this.#isClosed) return false;
    for (const [directory, watch] of this.#watches) {
      if (directories.includes(directory)) continue;
      this.#watches.delete(directory);
      watch.close();
    }
    const added = directories.filter((directory) => !this.#watches.has(directory));
    await Promise.all(added.map((directory) => this.#add(directory).ready));
    return added.length > 0;
  }

  /** Undefined while nothing is watched; `polling` as soon as one directory is. */
  kind(): WatchKind | undefined {
    const kinds = [...this.#watches.values()].map(({ kind }) => kind);
    return this.#isClosed ? undefined : (kinds.find((kind) => kind === 'polling') ?? kinds[0]);
  }

  close(): void {
    this.#isClosed = true;
    for (const watch of this.#watches.values()) watch.close();
  }

  #add(directory: string): DirectoryWatch {
    const { names, onChange, onError } = this.#set;
    const watch = new DirectoryWatch({
      directory,
      names,
      onChange: (name) => onChange(join(directory, name)),
      onError: (error) => onError(error, directory),
    });
    this.#watches.set(directory, watch);
    return watch;
  }
}
