import { statfsSync } from 'node:fs';
import { DISK_LOW_BYTES } from '../core/limits.ts';

/** Of statfs(2), Linux: NFS, SMB, CIFS, SMB2, 9p (also Windows drives in WSL), AFS, Ceph, FUSE (sshfs and cloud drives). */
export const NETWORK_TYPES = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x5346414f, 0x00c36400, 0x65735546,
]);

/**
 * Whether the directory is on a file system whose locks and shared memory are unreliable between processes:
 * there SQLite's write-ahead log breaks, and sockets mostly do not work.
 */
export function isNetworkFileSystem(directory: string): boolean {
  try {
    return NETWORK_TYPES.has(statfsSync(directory).type);
  } catch {
    // Unknown to the system.
    return false;
  }
}

/** What a user can still write there; undefined where the system does not say. */
export function freeSpace(directory: string): { megabytes: number; isLow: boolean } | undefined {
  try {
    const { bavail, bsize } = statfsSync(directory);
    const bytes = bavail * bsize;
    return { megabytes: Math.floor(bytes / 1_048_576), isLow: bytes < DISK_LOW_BYTES };
  } catch {
    return undefined;
  }
}
