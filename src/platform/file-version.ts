import { statSync, type BigIntStats } from 'node:fs';
import { COARSE_STAMP_MS, STAMP_MS } from '../core/limits.ts';
import { statIfReachable } from './safe-stat.ts';

/** Which file it is, and what was written to it as far as its status tells. */
const PLACE = ['dev', 'ino'] as const;
const CONTENT = ['size', 'mtimeMs'] as const;

/**
 * Another one when somebody wrote to the file or put another in its place; `none` without it. A replaced file
 * can get the number of the one before: its size and time tell them apart.
 */
export function fileVersion(path: string): string {
  return read(path, [...PLACE, ...CONTENT]);
}

/** Another one when somebody wrote to the file. */
export function contentVersion(path: string): string {
  return read(path, CONTENT);
}

/** A file's status as the system keeps it, to the nanosecond. */
export interface FileStamp {
  /** The same as long as nobody writes to the file, once it is settled. */
  text: string;
  /**
   * The file was last written so long before the look that any later write gets another time. Until
   * then a write of the same size can leave the stamp as it is, and only the content tells.
   */
  isSettled: boolean;
}

/** Undefined without a file, or where it is out of reach. */
export function stampFile(path: string): FileStamp | undefined {
  const status = readStatus(path);
  if (status === undefined) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs } = status;
  const writtenNs = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  const ageNs = BigInt(Date.now()) * 1_000_000n - writtenNs;
  const keepsSecondsOnly = mtimeNs % 1_000_000_000n === 0n && ctimeNs % 1_000_000_000n === 0n;
  const settledNs = BigInt(keepsSecondsOnly ? COARSE_STAMP_MS : STAMP_MS) * 1_000_000n;
  return { text: [dev, ino, size, mtimeNs, ctimeNs].join(':'), isSettled: ageNs > settledNs };
}

function readStatus(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/**
 * Whether the file at this path is still the one that it was at the call; a file that comes or goes
 * is another one. The caller keeps the file open, or a new one could get its number.
 */
export function watchIdentity(path: string): () => boolean {
  const original = read(path, PLACE);
  return () => read(path, PLACE) === original;
}

/** Out of reach is as good as gone: nobody can say that it is the same. */
function read(path: string, facts: readonly (typeof PLACE | typeof CONTENT)[number][]): string {
  const status = statIfReachable(path);
  return status === undefined ? 'none' : facts.map((fact) => status[fact]).join(':');
}
