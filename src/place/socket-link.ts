import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { isPrivateDirectory, userId } from '../platform/owner.ts';
import { lstatIfReachable } from '../platform/safe-stat.ts';
import type { WorkspacePlace } from './workspace-place.ts';

export type ResolvedSocket =
  | { kind: 'socket'; path: string }
  /** `elsewhere` is the socket of another workspace: this directory is a copy of it, or was moved. */
  | { kind: 'absent'; elsewhere?: string }
  /** Not made by bd: a cloned repository may contain it. `problem` ends a sentence about the link. */
  | { kind: 'untrusted'; problem: string };

/**
 * The prefix of a workspace's socket names: a hash of the real path of `.beads`. It distinguishes workspaces
 * and proves nothing, so it is a plain hash (cyrb53): node:crypto would cost each call of `bd` 2 ms.
 */
export function workspaceKey({ beadsDir }: Pick<WorkspacePlace, 'beadsDir'>): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < beadsDir.length; at += 1) {
    const unit = beadsDir.charCodeAt(at);
    high = Math.imul(high ^ unit, 0x9e3779b1);
    low = Math.imul(low ^ unit, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return (2 ** 32 * (low & 0x1fffff) + (high >>> 0)).toString(36);
}

/** `<workspace key>-<instance>.sock`. Sockets of other programs of bd begin with their kind and a dot. */
const DAEMON_SOCKET = /^[0-9a-z]+-[0-9a-z]+\.sock$/;

export function isDaemonSocket(path: string): boolean {
  return DAEMON_SOCKET.test(basename(path));
}

/** Whether a daemon of this workspace listens, or listened, at the path. */
export function isSocketOf(path: string, place: Pick<WorkspacePlace, 'beadsDir'>): boolean {
  return isDaemonSocket(path) && basename(path).startsWith(`${workspaceKey(place)}-`);
}

/**
 * Resolves the workspace's link `bd.sock`. Follows it only to a socket of this workspace that belongs to this
 * user and is in a private directory, in whichever environment its daemon was started.
 */
export function resolveSocket(place: WorkspacePlace): ResolvedSocket {
  const { socketLink: linkPath } = place;
  const path = readLink(linkPath);
  if (path === undefined) {
    return isFileOfOthers(linkPath)
      ? { kind: 'untrusted', problem: 'is not a link, so bd did not make it' }
      : { kind: 'absent' };
  }
  const untrusted = {
    kind: 'untrusted',
    problem: `leads to ${path}, which bd did not make`,
  } as const;
  const directory = dirname(path);
  const isNamedOurs = isSocketOf(path, place);
  // BEADS_SOCKET_PATH may put it elsewhere than in a runtime directory, under this workspace's name.
  const isPlausible = isNamedOurs || /^bd(-\d+)?$/.test(basename(directory));
  if (!path.startsWith('/') || !isPlausible) return untrusted;
  const socket = lstatIfReachable(path);
  if (socket === undefined) return { kind: 'absent' };
  const isOurs = socket.isSocket() && socket.uid === userId() && isPrivateDirectory(directory);
  if (!isOurs) return untrusted;
  return isNamedOurs ? { kind: 'socket', path } : { kind: 'absent', elsewhere: path };
}

/** Whether a file or directory has the link's name. Git tracks those, so it may be the user's. */
export function isFileOfOthers(linkPath: string): boolean {
  const found = lstatIfReachable(linkPath);
  return found !== undefined && (found.isFile() || found.isDirectory());
}

/** Clients see the old target or the new one, never none. */
export function pointLink(linkPath: string, socketPath: string): void {
  const temporary = `${linkPath}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  symlinkSync(socketPath, temporary);
  renameSync(temporary, linkPath);
}

/** Removes the link unless it points to another daemon. */
export function removeLink(linkPath: string, socketPath: string): void {
  try {
    if (readLink(linkPath) === socketPath) rmSync(linkPath, { force: true });
  } catch {
    // In a read-only directory the link stays, and dangles once its daemon has ended.
  }
}

export function readLink(linkPath: string): string | undefined {
  try {
    return readlinkSync(linkPath);
  } catch {
    // Missing, or not a link.
    return undefined;
  }
}
