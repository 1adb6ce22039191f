import { copyFileSync, existsSync, renameSync, statSync } from 'node:fs';
import { STORE_BUSY_TIMEOUT_MS } from '../core/limits.ts';
import { isSameContent, isSameFile, versionOf } from '../platform/file-version.ts';
import { statIfReachable } from '../platform/safe-stat.ts';
import type { Database } from '../platform/sqlite.ts';

/**
 * `ours`: as this process opened and wrote them. `replaced`: another file is in its place, or none; the open
 * one is still whole. `overwritten`: another program wrote into the open file, so nothing read from it can be
 * trusted.
 */
export type FilesStanding = 'ours' | 'replaced' | 'overwritten';

export type OpenFiles = ReturnType<typeof watchOpenFiles>;

/**
 * Watches the files of an open database, which SQLite itself does not check again. Without a write-ahead log, as
 * on network file systems, whose times are unreliable, it does not notice a file that was written over.
 */
export function watchOpenFiles(database: Database, { hasLog }: { hasLog: boolean }) {
  const path = database.name;
  const read = () => ({
    file: statIfReachable(path),
    log: hasLog ? statIfReachable(logPath(path)) : undefined,
  });
  const opened = read();
  /** The file as this process wrote it last. */
  let { file: written } = opened;
  const judge = ({ file, log }: ReturnType<typeof read>): FilesStanding => {
    if (!isSameFile(file, opened.file)) return 'replaced';
    if (!hasLog) return 'ours';
    if (!isSameContent(file, written)) return 'overwritten';
    return isSameFile(log, opened.log) ? 'ours' : 'replaced';
  };
  const standing = (): FilesStanding => judge(read());
  return {
    standing,
    /** The same, with what changes when any process writes or replaces either file; undefined without a log. */
    look(): { found: FilesStanding; version: string | undefined } {
      const now = read();
      const version = hasLog ? `${versionOf(now.file)} ${versionOf(now.log)}` : undefined;
      return { found: judge(now), version };
    },
    /** Empties a log that is larger, unless the file is no longer the one that the log belongs to. */
    shortenLog({ bytesMax }: { bytesMax: number }): void {
      if (logBytes(path) <= bytesMax || standing() !== 'ours') return;
      try {
        emptyLog(database);
      } finally {
        written = statIfReachable(path);
      }
    },
  };
}

/**
 * Writes the log's pages into the file, and truncates the log. Does not wait for other readers: the pages that
 * they still need stay in the log.
 */
function emptyLog(database: Database): void {
  database.exec('PRAGMA busy_timeout = 0');
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.exec(`PRAGMA busy_timeout = ${STORE_BUSY_TIMEOUT_MS}`);
  }
}

/**
 * Separates a file that was written over while it was open from its log: closing the database, or opening it
 * again, would write one into the other. A copy of the file takes its place, and is opened as a restored store.
 */
export function separateFromLog(path: string, aside: string): void {
  moveAside(path, aside);
  copyFileSync(aside, path);
}

/** Renamed, never deleted: people may want it. */
export function moveAside(path: string, aside: string): void {
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  }
}

/** `.beads/.gitignore` ignores such names. */
export function asidePath(path: string, nowMs: number): string {
  return `${path}-aside-${nowMs}`;
}

/** When a file was moved aside, by its name; undefined for any other file. */
export function asideMs(path: string): number | undefined {
  const ms = /-aside-(\d+)$/.exec(path)?.[1];
  return ms === undefined ? undefined : Number(ms);
}

/** Size of the write-ahead log; 0 without one, as after a database was closed. */
export function logBytes(path: string): number {
  return statSync(logPath(path), { throwIfNoEntry: false })?.size ?? 0;
}

function logPath(path: string): string {
  return `${path}-wal`;
}
