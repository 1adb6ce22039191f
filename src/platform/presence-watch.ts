import { watch } from 'node:fs';
import { basename } from 'node:path';

export interface PresenceWatch {
  /** False where the system has no watches left: the caller then checks more often. */
  readonly isWatching: boolean;
  close(): void;
}

/**
 * Calls back at once when the directory is moved or deleted, or when one of `names` appears or disappears in
 * it. It does not notice a move of a parent directory.
 */
export function watchPresence(
  directory: string,
  { names, onChange }: { names: readonly string[]; onChange: () => void },
): PresenceWatch {
  const watched = new Set([basename(directory), ...names]);
  let isWatching = true;
  const giveUp = (): void => {
    isWatching = false;
  };
  try {
    const watcher = watch(directory, { persistent: false }, (event, name) => {
      if (event === 'rename' && (name === null || watched.has(name))) onChange();
    });
    watcher.on('error', giveUp);
    return {
      get isWatching() {
        return isWatching;
      },
      close: () => watcher.close(),
    };
  } catch {
    return { isWatching: false, close() {} };
  }
}
