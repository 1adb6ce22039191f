import { watch } from 'node:fs';
import { basename } from 'node:path';

export type PresenceWatch = ReturnType<typeof watchPresence>;

/**
 * Calls back at once when the directory is moved or deleted, or when one of `names` appears or disappears in
 * it. It does not notice a move of a parent directory. `isWatching` is false where the system has no watches
 * left: the caller then checks more often.
 */
export function watchPresence(
  directory: string,
  { names, onChange }: { names: readonly string[]; onChange: () => void },
) {
  const watched = new Set([basename(directory), ...names]);
  let isWatching = true;
  try {
    const watcher = watch(directory, { persistent: false }, (event, name) => {
      if (event === 'rename' && (name === null || watched.has(name))) onChange();
    });
    watcher.on('error', () => void (isWatching = false));
    return {
      get isWatching(): boolean {
        return isWatching;
      },
      close: (): void => watcher.close(),
    };
  } catch {
    return { isWatching: false, close() {} };
  }
}
