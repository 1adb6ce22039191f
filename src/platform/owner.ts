import { closeSync, fchownSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Systems without user ids report 0 for every file. */
export function userId(): number {
  return process.getuid?.() ?? 0;
}

/** The user whose directory this is, when that is somebody else than who runs this process. */
export function foreignOwner(directory: string): number | undefined {
  const uid = statSync(directory, { throwIfNoEntry: false })?.uid;
  return uid === undefined || uid === userId() ? undefined : uid;
}

/** Whom root's new files in this directory are for, who could not write them otherwise. */
export function heirOf(directory: string): { uid: number; gid: number } | undefined {
  if (userId() !== 0 || foreignOwner(directory) === undefined) return undefined;
  const { uid, gid } = statSync(directory);
  return { uid, gid };
}

/** Empty files, for the owner of the directory; those that are there stay as they are. */
export function createForHeir(directory: string, names: readonly string[]): void {
  const heir = heirOf(directory);
  if (heir === undefined) return;
  for (const name of names) {
    try {
      // New, so nobody else's: what is there, be it a link, is never given away.
      const file = openSync(join(directory, name), 'wx', 0o644);
      fchownSync(file, heir.uid, heir.gid);
      closeSync(file);
    } catch {
      // There already, or it cannot be made: who needs it will say so.
    }
  }
}
