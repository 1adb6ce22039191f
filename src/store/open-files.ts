import { copyFileSync, existsSync, renameSync, statSync } from 'node:fs';
import { contentVersion, fileVersion, watchIdentity } from '../platform/file-version.ts';

/**
 * `ours`: as this process opened and wrote them. `replaced`: another file is there, or none; what is open
 * here is whole all the same. `overwritten`: somebody wrote into the open file, and nothing that is read
 * from it can be believed.
 */
export type FilesStanding = 'ours' | 'replaced' | 'overwritten';

/** The files of an open database, at which SQLite itself does not look again. */
export interface OpenFiles {
  standing(): FilesStanding;
  /** Call after the log was written into the file: what is there now is ours. */
  noteEmptied(): void;
}

/**
 * Without a write-ahead log, as on network file systems, whose times are not to be relied on, nobody looks
 * for what was written over.
 */
export function watchOpenFiles(path: string, { hasLog }: { hasLog: boolean }): OpenFiles {
  const isSame = watchIdentity(path);
  const isSameLog = watchIdentity(logPath(path));
  let content = contentVersion(path);
  let version = fileVersion(path);
  return {
    standing() {
      // Nearly always: one look at each file, as this is asked before each request.
      if (hasLog && fileVersion(path) === version && isSameLog()) return 'ours';
      if (!isSame()) return 'replaced';
      if (!hasLog) return 'ours';
      if (contentVersion(path) !== content) return 'overwritten';
      return isSameLog() ? 'ours' : 'replaced';
    },
    noteEmptied() {
      if (!hasLog) return;
      content = contentVersion(path);
      version = fileVersion(path);
    },
  };
}

/**
 * Parts a file that was written over while it was open from the log of what it held before: closing it, or
 * opening it the next time, would write one into the other. It stays in its place as a copy, which
 * a database is opened as that was put back.
 */
export function separateFromLog(path: string, aside: string): void {
  moveAside(path, aside);
  copyFileSync(aside, path);
}

/** Renamed, never deleted: somebody may want it. */
export function moveAside(path: string, aside: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
}

/** Among the names that `.beads/.gitignore` leaves out. */
export function asidePath(path: string, nowMs: number): string {
  return `${path}-aside-${nowMs}`;
}

/** When a file was moved aside, by its name; undefined for any other. */
export function asideMs(path: string): number | undefined {
  const ms = /-aside-(\d+)$/.exec(path)?.[1];
  return ms === undefined ? undefined : Number(ms);
}

/** Of the write-ahead log beside the file; 0 without one. After a process that closed the database there is none. */
export function logBytes(path: string): number {
  return statSync(logPath(path), { throwIfNoEntry: false })?.size ?? 0;
}

function logPath(path: string): string {
  return `${path}-wal`;
}
