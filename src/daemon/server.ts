import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { BdError } from '../core/errors.ts';
import type { Call } from '../protocol/methods.ts';
import { createCall } from '../workspace/operations/table.ts';
import type { Handle } from '../rpc/connection.ts';
import { Connections } from './connections.ts';
import { createFaces } from './faces.ts';
import { createHandle } from './handle-request.ts';
import { listen, type Listener } from './listener.ts';
import { createAdmission, type Admission } from './admission.ts';
import type { DaemonContext } from './daemon-context.ts';

/** The side that clients meet: the socket, who is let in, and what is answered. */
export interface DaemonServer {
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
export async function openServer(
  context: DaemonContext,
  { ended }: { ended: () => void },
): Promise<DaemonServer> {
  const { place, workspace, env, clock, log, standing, post, check } = context;
  const connections: Connections = new Connections({
    faces: createFaces({
      call: callFor(context, {}),
      handle: (...request) => handle(...request),
      admit: (params) => admission.admit(params),
      log,
    }),
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
  const listener: Listener = await listen(place, { env, accept });
  const admission = openAdmission(context, listener);
  const handle = openHandle(context, { admission, connections, listener });
  return {
    connections: () => connections.awake,
    restoreLink: () => listener.restoreLink(),
    async close({ reason, patienceMs }) {
      listener.withdraw();
      listener.close();
      await connections.drain({ refusal: admission.decline(reason), timeoutMs: patienceMs });
    },
    remove: () => listener.remove(),
  };
}

function openAdmission(
  { workspace, program, clock, post }: DaemonContext,
  listener: Listener,
): Admission {
  return createAdmission({
    projectDir: workspace.place.projectDir,
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
  context: DaemonContext,
  {
    admission,
    connections,
    listener: { socketPath },
  }: { admission: Admission; connections: Connections; listener: Listener },
): Handle {
  const { workspace, program, clock, startedMs, log, post } = context;
  let { notice } = workspace;
  const handle = createHandle({
    callFor: (command) => callFor(context, command),
    admission,
    facts: {
      workspace,
      socketPath,
      startedMs,
      clock,
      build: program.build,
      connections: () => connections.count,
      lastError: () => log.lastError(),
    },
    // The first client that asks tells its person.
    takeNotice() {
      const told = notice;
      notice = undefined;
      return told;
    },
    stop: (reason) => post({ kind: 'stop_requested', reason }),
  });
  return (method, params, caller) => {
    log.debug('request', { method });
    return handle(method, params, caller);
  };
}

const LOSSES: ReadonlySet<string> = new Set(['LOCK_UNAVAILABLE', 'STORE_UNUSABLE']);

/** A request that fails because the workspace was taken from us, or broke, ends the daemon, not just the request. */
function callFor({ workspace, check }: DaemonContext, command: { key?: string | undefined }): Call {
  const call = createCall(workspace, command);
  return async (method, params, options) => {
    try {
      return await call(method, params, options);
    } catch (error) {
      if (error instanceof BdError && LOSSES.has(error.code)) check();
      throw error;
    }
  };
}
