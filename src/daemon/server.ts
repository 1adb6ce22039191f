import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Call } from '../protocol/methods.ts';
import { createCall } from '../workspace/operations/table.ts';
import { createConnections, type Connections } from './connections/accept.ts';
import type { Handle } from './connections/rpc-peer.ts';
import { createHandle } from './handle-request.ts';
import { listen, type Listener } from './listener.ts';
import { createReception, type Reception } from './admission.ts';
import type { Serving } from './daemon-context.ts';

/** The side that clients meet: the socket, who is let in, and what is answered. */
export interface Front {
  /** How many connections are open. */
  connections(): number;
  /** Puts the link to the socket back when somebody took it away; throws when it cannot. */
  restoreLink(): void;
  /** Lets nobody in any more; what runs has `patienceMs` to be answered. */
  close(end: { reason: string; patienceMs: number }): Promise<void>;
  /** Takes away what tells that this process serves. */
  remove(): void;
}

/** `ended` is called after each connection. */
export async function openFront(
  serving: Serving,
  { ended }: { ended: () => void },
): Promise<Front> {
  const { beadsDir, workspace, env, clock, log, standing, post, check } = serving;
  const connections: Connections = createConnections({
    call: callFor(serving, {}),
    handle: (...request) => handle(...request),
    admit: (params) => reception.admit(params),
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
    if (standing() === 'ours') return connections.accept(socket);
    // Before its request is read: the client starts a daemon that opens what is there now.
    listener.withdraw();
    socket.destroy();
    check();
  };
  const listener: Listener = await listen(beadsDir, { env, accept });
  const reception = openReception(serving, listener);
  const handle = openHandle(serving, { reception, connections, listener });
  return {
    connections: () => connections.count(),
    restoreLink: () => listener.restoreLink(),
    async close({ reason, patienceMs }) {
      listener.withdraw();
      listener.close();
      await connections.drain({ refusal: reception.decline(reason), patienceMs });
    },
    remove: () => listener.remove(),
  };
}

function openReception(
  { workspace, program, clock, post }: Serving,
  listener: Listener,
): Reception {
  return createReception({
    projectDir: workspace.projectDir,
    instance: basename(listener.socketPath, '.sock'),
    program,
    config: workspace.config,
    settings: workspace.store.settings,
    clock,
    retired(reason) {
      listener.withdraw();
      post({ kind: 'retire_requested', reason });
    },
  });
}

function openHandle(
  serving: Serving,
  {
    reception,
    connections,
    listener: { socketPath },
  }: { reception: Reception; connections: Connections; listener: Listener },
): Handle {
  const { workspace, program, clock, startedMs, log, post } = serving;
  const handle = createHandle({
    callFor: (command) => callFor(serving, command),
    reception,
    facts: {
      workspace,
      socketPath,
      startedMs,
      clock,
      build: program.build,
      connections: () => connections.count(),
      lastError: () => log.lastError(),
    },
    takeNotice: () => workspace.takeNotice(),
    stop: (reason) => post({ kind: 'stop_requested', reason }),
  });
  return (method, params, caller) => {
    log.debug('request', { method });
    return handle(method, params, caller);
  };
}

const LOSSES: ReadonlySet<string> = new Set(['LOCK_UNAVAILABLE', 'STORE_UNUSABLE']);

/** A request that fails because the workspace was taken from us, or broke, ends the daemon, not just the request. */
function callFor({ workspace, check }: Serving, command: { key?: string | undefined }): Call {
  const call = createCall(workspace, command);
  return async (method, params) => {
    try {
      return await call(method, params);
    } catch (error) {
      if (error instanceof BdError && LOSSES.has(error.code)) check();
      throw error;
    }
  };
}
