import { createConnection, type Socket } from 'node:net';
import { CONNECT_TIMEOUT_MS } from '../core/limits.ts';
import { resolveSocket } from '../place/socket-link.ts';
import { socketLinkPath } from '../place/workspace-files.ts';

export type Connected = { kind: 'connected'; socket: Socket };

export type Connection =
  | Connected
  /** Nobody listens here: no link, or one that a dead daemon or another workspace's left. */
  | { kind: 'absent' }
  /** Sockets are not allowed here, or this one is not ours. */
  | { kind: 'forbidden'; reason: string }
  /** Somebody listens and takes no connection. */
  | { kind: 'unresponsive'; reason: string };

/** Connects to the daemon of a workspace; never starts one, never throws. */
export async function connect(
  beadsDir: string,
  { timeoutMs = CONNECT_TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<Connection> {
  const resolved = resolveSocket(socketLinkPath(beadsDir));
  if (resolved.kind === 'absent') return { kind: 'absent' };
  if (resolved.kind === 'untrusted') {
    return { kind: 'forbidden', reason: `${socketLinkPath(beadsDir)} ${resolved.problem}` };
  }
  return await connectTo(resolved.path, { timeoutMs });
}

/**
 * Where the link leads to another workspace's daemon, this directory may be what was moved away from
 * under it: called on, that daemon looks, and lets go of it at once.
 */
export async function callFormerDaemon(beadsDir: string): Promise<void> {
  const resolved = resolveSocket(socketLinkPath(beadsDir));
  if (resolved.kind !== 'absent' || resolved.elsewhere === undefined) return;
  const connection = await connectTo(resolved.elsewhere, { timeoutMs: CONNECT_TIMEOUT_MS });
  if (connection.kind === 'connected') connection.socket.destroy();
}

/** `path` is a socket in a runtime directory of ours. */
export function connectTo(path: string, { timeoutMs }: { timeoutMs: number }): Promise<Connection> {
  return new Promise((done) => {
    const socket = createConnection(path);
    const finish = (connection: Connection): void => {
      clearTimeout(deadline);
      socket.removeAllListeners();
      if (connection.kind !== 'connected') {
        socket.on('error', () => {}); // Whatever a given-up socket still reports is no news.
        socket.destroy();
      }
      done(connection);
    };
    const deadline = setTimeout(
      () => finish({ kind: 'unresponsive', reason: `no connection within ${timeoutMs} ms` }),
      timeoutMs,
    );
    socket.once('connect', () => finish({ kind: 'connected', socket }));
    socket.once('error', (error) => finish(explain(error)));
  });
}

function explain(error: NodeJS.ErrnoException): Connection {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return { kind: 'absent' };
    case 'EPERM':
    case 'EACCES':
      return { kind: 'forbidden', reason: error.message };
    default:
      return { kind: 'unresponsive', reason: error.message };
  }
}
