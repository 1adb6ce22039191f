import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { userId } from '../platform/owner.ts';
import { isPrivateDirectory } from '../platform/private-directory.ts';
import { lstatIfReachable } from '../platform/safe-stat.ts';

export type ResolvedSocket =
  | { kind: 'socket'; path: string }
  /** `elsewhere` is the socket of another workspace: this one is a copy of it, or was moved here. */
  | { kind: 'absent'; elsewhere?: string }
  /** Not made by bd: a cloned repository may hold it. `problem` is the end of a sentence about it. */
  | { kind: 'untrusted'; problem: string };

/**
 * Begins the name of a workspace's sockets; from the real path of `.beads`, so the same for every way
 * to it. Tells workspaces apart and proves nothing, so it is a plain hash (cyrb53): node:crypto would
 * cost each call of `bd` 2 ms.
 */
export function workspaceKey(beadsDir: string): string {
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

/**
 * Where `bd.sock`, named by its real path, leads. Followed only to a socket of this workspace and of
 * ours in a runtime directory of ours, whichever environment its daemon was started from.
 */
export function resolveSocket(linkPath: string): ResolvedSocket {
  const path = readLink(linkPath);
  if (path === undefined) {
    return isFileOfOthers(linkPath)
      ? { kind: 'untrusted', problem: 'is no link, so bd did not make it' }
      : { kind: 'absent' };
  }
  const untrusted = {
    kind: 'untrusted',
    problem: `leads to ${path}, which bd did not make`,
  } as const;
  const directory = dirname(path);
  const isNamedOurs = basename(path).startsWith(`${workspaceKey(dirname(linkPath))}-`);
  // Elsewhere than in a runtime directory of bd: where somebody wished for it, under this workspace's name.
  const isPlausible = isNamedOurs || /^bd(-\d+)?$/.test(basename(directory));
  if (!path.startsWith('/') || !isPlausible) return untrusted;
  const socket = lstatIfReachable(path);
  if (socket === undefined) return { kind: 'absent' };
  const isOurs = socket.isSocket() && socket.uid === userId() && isPrivateDirectory(directory);
  if (!isOurs) return untrusted;
  return isNamedOurs ? { kind: 'socket', path } : { kind: 'absent', elsewhere: path };
}

/**
 * Whether something stands in the link's place that git can keep, so that it may be the person's; a
 * socket is what another tool left there.
 */
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

/** Leaves a link alone that leads to another daemon by now. */
export function removeLink(linkPath: string, socketPath: string): void {
  try {
    if (readLink(linkPath) === socketPath) rmSync(linkPath, { force: true });
  } catch {
    // Where nothing may be written any more it stays, and leads to nobody as soon as its daemon has ended.
  }
}

export function readLink(linkPath: string): string | undefined {
  try {
    return readlinkSync(linkPath);
  } catch {
    // Missing, or a file that is no link: in both cases it leads nowhere.
    return undefined;
  }
}
