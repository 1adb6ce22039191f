import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Environment } from '../platform/environment.ts';
import { chooseSocketPath } from '../place/runtime-directory.ts';
import {
  isFileOfOthers,
  pointLink,
  readLink,
  removeLink,
  resolveSocket,
} from '../place/socket-link.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';

export type Listener = Awaited<ReturnType<typeof listen>>;

/** Listens on a fresh socket of this instance and points `.beads/bd.sock` at it. The caller holds the lock. */
export async function listen(
  place: WorkspacePlace,
  { env, accept }: { env: Environment; accept: (socket: Socket) => void },
) {
  const { socketLink, pidFile } = place;
  const socketPath = chooseSocketPath(place, { env });
  // Half-open: a client that has ended its side still gets its answers.
  const server = createServer({ allowHalfOpen: true }, accept);
  await bind(server, socketPath);
  try {
    // The directory keeps others out already; this is the second lock on the door.
    chmodSync(socketPath, 0o600);
    removeLeftover(place, socketPath);
    placeLink(socketLink, socketPath);
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    // A client must not find, and wait for, a socket without a daemon.
    removeLink(socketLink, socketPath);
    server.close();
    throw error;
  }
  let isWithdrawn = false;
  return {
    socketPath,
    /** Restores the link when it was removed: without it no client finds the daemon. Throws when it cannot. */
    restoreLink(): void {
      if (isWithdrawn) return;
      if (readLink(socketLink) !== socketPath) placeLink(socketLink, socketPath);
    },
    /** Takes the link away for good, unless it is another daemon's: no new client comes. */
    withdraw(): void {
      isWithdrawn = true;
      removeLink(socketLink, socketPath);
    },
    /** No new connections; those that are open stay. */
    close: () => void server.close(),
    /** Takes the pid file away, unless it is another daemon's. */
    remove(): void {
      try {
        if (place.readPid() === process.pid) rmSync(pidFile);
      } catch {
        // Nothing is decided by what it says.
      }
    },
  };
}

function bind(server: Server, socketPath: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (error) => {
      fail(
        new BdError('SOCKET_UNAVAILABLE', {
          message: `cannot listen on ${socketPath}: ${error.message}`,
          remedy: `Allow sockets in ${dirname(socketPath)}, or work without daemon: BEADS_NO_DAEMON=1.`,
          cause: error,
        }),
      );
    });
    server.listen(socketPath, done);
  });
}

/** Never over a file that may be one of the repository. */
function placeLink(linkPath: string, socketPath: string): void {
  if (isFileOfOthers(linkPath)) {
    throw new BdError('FILE_UNUSABLE', {
      message: `${linkPath} is not a link, so bd did not make it`,
      remedy: 'Look where it came from, and move it away.',
    });
  }
  pointLink(linkPath, socketPath);
}

/** The socket of a daemon that was killed: we hold its lock, so no process listens there. */
function removeLeftover(place: WorkspacePlace, socketPath: string): void {
  const left = resolveSocket(place);
  if (left.kind === 'socket' && dirname(left.path) === dirname(socketPath)) {
    rmSync(left.path, { force: true });
  }
}
