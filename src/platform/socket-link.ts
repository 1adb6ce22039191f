import { lstatSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';

export type ResolvedSocket =
  | { kind: 'socket'; path: string }
  | { kind: 'absent' }
  /** The link leads somewhere that bd did not make: a cloned repository may hold such a link. */
  | { kind: 'untrusted'; path: string };

/**
 * Where `.beads/bd.sock` leads. Followed only to a socket of ours in a runtime directory of ours,
 * whichever environment its daemon was started from.
 */
export function resolveSocket(linkPath: string): ResolvedSocket {
  const path = readLink(linkPath);
  if (path === undefined) return { kind: 'absent' };
  const directory = dirname(path);
  if (!path.startsWith('/') || !/^bd(-\d+)?$/.test(basename(directory))) {
    return { kind: 'untrusted', path };
  }
  const socket = lstat(path);
  if (socket === undefined) return { kind: 'absent' };
  const isOurs = socket.isSocket() && socket.uid === userId() && isPrivateDirectory(directory);
  return { kind: isOurs ? 'socket' : 'untrusted', path };
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
  if (readLink(linkPath) === socketPath) rmSync(linkPath, { force: true });
}

/** A real directory of this user that nobody else may enter. */
export function isPrivateDirectory(path: string): boolean {
  const status = lstat(path);
  return (
    status !== undefined &&
    status.isDirectory() &&
    status.uid === userId() &&
    (status.mode & 0o077) === 0
  );
}

/** Systems without user ids report 0 for every file. */
export function userId(): number {
  return process.getuid?.() ?? 0;
}

export function readLink(linkPath: string): string | undefined {
  try {
    return readlinkSync(linkPath);
  } catch {
    // Missing, or a file that is no link: in both cases it leads nowhere.
    return undefined;
  }
}

function lstat(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
