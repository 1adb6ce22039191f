import { statSync, type BigIntStats, type Stats } from 'node:fs';
import { rename, type FileHandle } from 'node:fs/promises';
import { COARSE_STAMP_MS, STAMP_MS } from '../core/limits.ts';
import { statIfReachable } from './safe-stat.ts';

/**
 * Changes when the file is written or replaced; `none` without a file. A replacement can get the old file's
 * inode number, and differs in size or time.
 */
export function fileVersion(path: string): string {
  return versionOf(statIfReachable(path));
}

/** The same, of a status that is at hand. A file that cannot be read counts as gone. */
export function versionOf(status: Stats | undefined): string {
  if (status === undefined) return 'none';
  return `${status.dev}:${status.ino}:${status.size}:${status.mtimeMs}`;
}

/** Whether the same file is there; no file counts as a file of its own. */
export function isSameFile(left: Stats | undefined, right: Stats | undefined): boolean {
  return left?.dev === right?.dev && left?.ino === right?.ino;
}

/** Whether the file was not written since. */
export function isSameContent(left: Stats | undefined, right: Stats | undefined): boolean {
  return left?.size === right?.size && left?.mtimeMs === right?.mtimeMs;
}

/** A file's status as the system keeps it, to the nanosecond. */
export interface FileStamp {
  /** Once settled, the same until the file is written. */
  text: string;
  /**
   * The file was last written so long before the look that any later write gets another time. Until
   * then a write of the same size may leave the stamp unchanged.
   */
  isSettled: boolean;
}

/** Undefined without a file, or where it is out of reach. */
export function stampFile(path: string): FileStamp | undefined {
  const status = readStatus(path);
  if (status === undefined) return undefined;
  const { mtimeNs, ctimeNs } = status;
  const writtenNs = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  const ageNs = BigInt(Date.now()) * 1_000_000n - writtenNs;
  const keepsSecondsOnly = mtimeNs % 1_000_000_000n === 0n && ctimeNs % 1_000_000_000n === 0n;
  const settledNs = BigInt(keepsSecondsOnly ? COARSE_STAMP_MS : STAMP_MS) * 1_000_000n;
  return { text: stampText(status), isSettled: ageNs > settledNs };
}

/**
 * Sets the time of a complete file a little before that of its last write. No later write gets that time, not
 * even one in the same tick of the file system's clock, so none leaves the stamp unchanged. Returns the time of
 * the last write; undefined where the file system does not let times be set.
 */
export async function dateBack(file: FileHandle): Promise<bigint | undefined> {
  const { mtimeNs } = await file.stat({ bigint: true });
  const seconds = Number(mtimeNs / 1_000_000n - 1n) / 1_000;
  try {
    await file.utimes(seconds, seconds);
  } catch {
    return undefined;
  }
  return mtimeNs;
}

/**
 * Renames a complete file. Returns its stamp in the new place if its time is before `writtenNs`, that of its last
 * write: then no later write can leave the stamp unchanged.
 */
export async function renameStamped(
  from: string,
  to: string,
  writtenNs: bigint | undefined,
): Promise<string | undefined> {
  const before = readStatus(from);
  await rename(from, to);
  const status = readStatus(to);
  if (before === undefined || status === undefined || writtenNs === undefined) return undefined;
  const isOurs = (['dev', 'ino', 'size', 'mtimeNs'] as const).every(
    (key) => before[key] === status[key],
  );
  return isOurs && status.mtimeNs < writtenNs ? stampText(status) : undefined;
}

function stampText({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

function readStatus(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/**
 * Whether the path still has the file that it had at the call; no file counts as a file of its own. The
 * caller keeps the file open, or a new one could get its inode number.
 */
export function watchIdentity(path: string): () => boolean {
  const original = statIfReachable(path);
  return () => isSameFile(statIfReachable(path), original);
}
