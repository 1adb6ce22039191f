import { createConnection, type Socket } from 'node:net';
import { CONNECT_TIMEOUT_MS } from '../core/limits.ts';
import { resolveSocket } from '../place/socket-link.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';

export type Connected = { kind: 'connected'; socket: Socket };

export type ConnectOutcome =
  | Connected
  /** Nothing listens: no link, or the link of a dead daemon or of another workspace. */
  | { kind: 'absent' }
  /** Sockets are not allowed here, or this one is not ours. */
  | { kind: 'forbidden'; reason: string }
  /** A process listens and accepts no connection. */
  | { kind: 'unresponsive'; reason: string };

/** Connects to the daemon of a workspace; never starts one, never throws. */
export async function connect(
  place: WorkspacePlace,
  { timeoutMs = CONNECT_TIMEOUT_MS }: { timeoutMs?: number } = {},
): Promise<ConnectOutcome> {
  const resolved = resolveSocket(place);
  if (resolved.kind === 'absent') return { kind: 'absent' };
  if (resolved.kind === 'untrusted') {
    return { kind: 'forbidden', reason: `${place.socketLink} ${resolved.problem}` };
  }
  return await connectTo(resolved.path, { timeoutMs });
}

/**
 * A link to another workspace's daemon means that this directory may have been moved away from it. A
 * connection makes that daemon check its workspace, and release this directory at once.
 */
export async function callFormerDaemon(place: WorkspacePlace): Promise<void> {
  const resolved = resolveSocket(place);
  if (resolved.kind !== 'absent' || resolved.elsewhere === undefined) return;
  const connection = await connectTo(resolved.elsewhere, { timeoutMs: CONNECT_TIMEOUT_MS });
  if (connection.kind === 'connected') connection.socket.destroy();
}

/** `path` is a socket in a runtime directory of ours. */
export function connectTo(
  path: string,
  { timeoutMs }: { timeoutMs: number },
): Promise<ConnectOutcome> {
  return new Promise((done) => {
    const socket = createConnection(path);
    const finish = (connection: ConnectOutcome): void => {
      clearTimeout(deadline);
      clearImmediate(lastLook);
      socket.removeAllListeners();
      if (connection.kind !== 'connected') {
        socket.on('error', () => {}); // An abandoned socket may still report one.
        socket.destroy();
      }
      done(connection);
    };
    const late = (): void =>
      finish({ kind: 'unresponsive', reason: `no connection within ${timeoutMs} ms` });
    // A busy process first learns what came in time.
    let lastLook: NodeJS.Immediate | undefined;
    const deadline = setTimeout(() => {
      lastLook = setImmediate(late);
    }, timeoutMs);
    socket.once('connect', () => finish({ kind: 'connected', socket }));
    socket.once('error', (error) => finish(explain(error)));
  });
}

function explain(error: NodeJS.ErrnoException): ConnectOutcome {
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
