import { statSync, type BigIntStats } from 'node:fs';
import { rename, type FileHandle } from 'node:fs/promises';
import { COARSE_STAMP_MS, STAMP_MS } from '../core/limits.ts';
import { statIfReachable } from './safe-stat.ts';

/** Which file it is, and what its status says about its content. */
const PLACE = ['dev', 'ino'] as const;
const CONTENT = ['size', 'mtimeMs'] as const;

/**
 * Changes when the file is written or replaced; `none` without a file. A replacement can get the old file's
 * inode number, and differs in size or time.
 */
export function fileVersion(path: string): string {
  return read(path, [...PLACE, ...CONTENT]);
}

/** Changes when the file is written. */
export function contentVersion(path: string): string {
  return read(path, CONTENT);
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
  const isOurs = ([...PLACE, 'size', 'mtimeNs'] as const).every(
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
  const original = read(path, PLACE);
  return () => read(path, PLACE) === original;
}

/** A file that cannot be read counts as gone. */
function read(path: string, facts: readonly (typeof PLACE | typeof CONTENT)[number][]): string {
  const status = statIfReachable(path);
  return status === undefined ? 'none' : facts.map((fact) => status[fact]).join(':');
}
