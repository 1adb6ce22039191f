import type { Socket } from 'node:net';
import { basename } from 'node:path';
import type { Handle } from '../rpc/connection.ts';
import type { Face } from '../rpc/face.ts';
import { createAdmission } from './admission.ts';
import { Connections } from './connections.ts';
import type { DaemonContext } from './daemon-context.ts';
import { listen, type Listener } from './listener.ts';

export type DaemonServer = Awaited<ReturnType<typeof openServer>>;

/** What the modules of a daemon share. */
export interface ServingContext extends DaemonContext {
  readonly server: DaemonServer;
}

interface ServerOptions {
  /** Called when a connection has come: what they serve is put together after the socket is there. */
  faces: () => readonly Face[];
  /** Called after each connection that kept the daemon awake. */
  ended: () => void;
}

/** The side that clients meet: the socket, who is let in, and the connections. */
export async function openServer(context: DaemonContext, { faces, ended }: ServerOptions) {
  const { place, workspace, env, clock, log, healthCheck, standing, post, check } = context;
  const connections = new Connections({
    get faces() {
      return faces();
    },
    log,
    opened() {
      post({ kind: 'connection_opened' });
      workspace.sync.activity();
    },
    ended() {
      post({ kind: 'connection_ended', nowMs: clock.nowMs() });
      ended();
    },
  });
  const accept = (socket: Socket): void => {
    healthCheck.tick();
    if (standing() === 'ours') return connections.accept(socket);
    // Before its request is read: the client starts a daemon that opens what is there now.
    listener.withdraw();
    socket.destroy();
    check();
  };
  const listener: Listener = await listen(place, { env, accept });
  const admission = createAdmission(context, {
    instance: basename(listener.socketPath, '.sock'),
    retired(reason) {
      listener.withdraw();
      post({ kind: 'retire_requested', reason });
    },
  });
  return {
    ...listener,
    connections,
    admission,
    /** Accepts no more connections; running requests have `patienceMs` to end. */
    async close({ reason, patienceMs }: { reason: string; patienceMs: number }): Promise<void> {
      listener.withdraw();
      listener.close();
      await connections.drain({ refusal: admission.decline(reason), timeoutMs: patienceMs });
    },
  };
}

/** Each request wakes the daemon up, and is a good moment for its own checks. */
export function observed(route: Handle, { log, healthCheck }: DaemonContext): Handle {
  return (method, params, caller) => {
    log.debug('request', { method });
    healthCheck.tick();
    return route(method, params, caller);
  };
}
