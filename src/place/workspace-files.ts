import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { BdError } from '../core/errors.ts';
import { readTextIfReachable } from '../platform/safe-stat.ts';

/** The link to the daemon's socket. */
export const socketLinkPath = (beadsDir: string): string => join(beadsDir, 'bd.sock');

/** Held by whoever may write the workspace; see kernel-lock.ts. */
export const daemonLockPath = (beadsDir: string): string => join(beadsDir, 'daemon.lock');

export const daemonPidPath = (beadsDir: string): string => join(beadsDir, 'daemon.pid');

export const daemonLogPath = (beadsDir: string): string => join(beadsDir, 'daemon.log');

/** What the last daemon that crashed left for people; see crash-report.ts. */
export const crashReportPath = (beadsDir: string): string => join(beadsDir, 'daemon.crash');

/** Remembers that the daemon is off here; see client/daemon-off.ts. */
export const daemonOffPath = (beadsDir: string): string => join(beadsDir, 'daemon.off');

/** Remembers why a daemon did not start; see client/start-failure.ts. */
export const daemonFailedPath = (beadsDir: string): string => join(beadsDir, 'daemon.failed');

/** All that bd writes in `.beads` under names that a repository can know, but the socket's link. */
const WRITTEN_NAMES = [
  'daemon.pid',
  'daemon.log',
  'daemon.log.1',
  'daemon.lock',
  'daemon.lock.start',
  'daemon.off',
  'daemon.failed',
  'daemon.crash',
  'beads.db',
  'beads.db-journal',
  'beads.db-wal',
  'beads.db-shm',
  'beads.jsonl',
  'issues.jsonl',
  'metadata.json',
  'config.yaml',
  'quarantine',
  'before-init',
  '.gitignore',
  'README.md',
];

/**
 * Call before anything in `.beads` is opened for writing: git stores symbolic links, and through one
 * that a cloned repository brings along bd would write wherever its author likes. Throws
 * `FILE_UNUSABLE`. `.beads` itself may be a link: that one is the person's.
 */
export function refuseLinks(beadsDir: string, names: readonly string[] = WRITTEN_NAMES): void {
  for (const path of names.map((name) => join(beadsDir, name))) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    throw new BdError('FILE_UNUSABLE', {
      message: `${path} is a symbolic link to ${readlinkSync(path)}, and bd does not write through it`,
      remedy:
        'Remove the link, and look where it came from: a repository can bring such a link along.',
      details: { path },
    });
  }
}

/** For messages only: the file may be left over from a daemon that was killed. */
export function readDaemonPid(beadsDir: string): number | undefined {
  const pid = Number.parseInt(readTextIfReachable(daemonPidPath(beadsDir)) ?? '', 10);
  return pid > 0 ? pid : undefined;
}

/** Who seems to have the workspace, in a message. */
export function nameHolder(beadsDir: string): string {
  const pid = readDaemonPid(beadsDir);
  return pid === undefined ? 'another process' : `process ${pid}`;
}
