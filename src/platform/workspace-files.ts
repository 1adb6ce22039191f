import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The link to the daemon's socket. */
export const socketLinkPath = (beadsDir: string): string => join(beadsDir, 'bd.sock');

/** Held by whoever may write the workspace; see kernel-lock.ts. */
export const daemonLockPath = (beadsDir: string): string => join(beadsDir, 'daemon.lock');

export const daemonPidPath = (beadsDir: string): string => join(beadsDir, 'daemon.pid');

export const daemonLogPath = (beadsDir: string): string => join(beadsDir, 'daemon.log');

/** For messages only: the file may be left over from a daemon that was killed. */
export function readDaemonPid(beadsDir: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(daemonPidPath(beadsDir), 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
