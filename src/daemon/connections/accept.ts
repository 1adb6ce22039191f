import { omitUndefined } from '../../core/omit-undefined.ts';
import type { Socket } from 'node:net';
import { BdError, toBdError } from '../../core/errors.ts';
import { CONNECTIONS_MAX } from '../../core/limits.ts';
import type { Log } from '../../platform/log.ts';
import { bridgeHello } from '../../protocol/daemon-methods.ts';
import { errorReply } from '../../protocol/messages.ts';
import type { Call } from '../../protocol/methods.ts';
import { firstLine, readOpening, type Opening } from './first-bytes.ts';
import { createMemoryBudget, type MemoryShare } from './memory-budget.ts';
import { serveLineJson } from './line-json.ts';
import type { ServedConnection } from './rpc-connection.ts';
import type { Handle } from './rpc-peer.ts';

export interface Connections {
  accept(socket: Socket): void;
  count(): number;
  /**
   * Ends every connection as soon as its running requests are answered, and after `patienceMs` anyway.
   * Requests that come meanwhile are answered with `refusal`.
   */
  drain(options: { refusal: BdError; patienceMs: number }): Promise<void>;
}

/** What a test cannot wait for. */
export interface ConnectionBounds {
  firstBytesTimeoutMs?: number;
  messageTimeoutMs?: number;
  heldBytesMax?: number;
}

/** All faces of the daemon meet here: one socket, and the first bytes say which it is. */
export function createConnections({
  call,
  handle,
  admit,
  log,
  opened,
  ended,
  bounds = {},
}: {
  call: Call;
  handle: Handle;
  /** Throws when what begins with these parameters is for another daemon. */
  admit: (params: unknown) => void;
  log: Log;
  opened: () => void;
  ended: () => void;
  bounds?: ConnectionBounds;
}): Connections {
  const sockets = new Set<Socket>();
  const served = new Map<Socket, ServedConnection>();
  let refusing: BdError | undefined;
  const { firstBytesTimeoutMs, messageTimeoutMs, heldBytesMax } = bounds;
  const held = createMemoryBudget(heldBytesMax === undefined ? {} : { bytesMax: heldBytesMax });

  const serve = async (socket: Socket, memory: MemoryShare): Promise<void> => {
    const opening = await readOpening(socket, {
      ...omitUndefined({ timeoutMs: firstBytesTimeoutMs }),
      hold: (bytes) => memory.set(bytes),
    });
    const options = { socket, initial: opening.bytes, handle, log, memory, messageTimeoutMs };
    switch (opening.face) {
      case 'line-json':
        return begin(socket, () => serveLineJson(options));
      case 'lsp': {
        const { serveLsp } = await import('./lsp.ts');
        return begin(socket, () => serveLsp(options));
      }
      case 'mcp':
        return begin(socket, await prepareMcp(socket, { opening, admit, call, log, memory }));
      case 'unknown':
      case 'silent':
      case 'ended':
        return refuse(socket, notUnderstood(opening));
      default:
        return opening.face satisfies never;
    }
  };
  /** Not where the end came first: who begins now would be answered by nobody. */
  const begin = (socket: Socket, start: () => ServedConnection): void => {
    if (refusing !== undefined) return refuse(socket, refusing);
    const connection = start();
    if (socket.destroyed) return;
    served.set(socket, connection);
    socket.once('close', () => served.delete(socket));
  };
  /** One that was not read from yet is ended at once: its client knows that nothing was begun. */
  const end = async (socket: Socket, refusal: BdError): Promise<void> => {
    await served.get(socket)?.drain(refusal);
    await endOutput(socket);
  };

  return {
    accept(socket) {
      // What a client does to its end of the socket is not our error.
      socket.on('error', () => {});
      if (refusing !== undefined) return refuse(socket, refusing);
      if (sockets.size >= CONNECTIONS_MAX) return refuse(socket, tooMany());
      sockets.add(socket);
      const memory = held.open();
      memory.onTooMuch(() => socket.destroy());
      opened();
      socket.once('close', () => {
        sockets.delete(socket);
        memory.release();
        ended();
      });
      serve(socket, memory).catch((error: unknown) => {
        const known = toBdError(error);
        if (known.code === 'INTERNAL') log.error('a connection failed', { error });
        refuse(socket, known);
      });
    },
    count: () => sockets.size,
    async drain({ refusal, patienceMs }) {
      refusing = refusal;
      const late = new Promise<void>((resolve) => {
        setTimeout(resolve, patienceMs).unref();
      });
      await Promise.race([late, Promise.all([...sockets].map((each) => end(each, refusal)))]);
      await Promise.all([...sockets].map(cutOff));
    },
  };
}

/** The hello is the bridge's and stays here; all that follows is MCP. */
async function prepareMcp(
  socket: Socket,
  {
    opening,
    admit,
    call,
    log,
    memory,
  }: {
    opening: Opening;
    admit: (params: unknown) => void;
    call: Call;
    log: Log;
    memory: MemoryShare;
  },
): Promise<() => ServedConnection> {
  const { bytes } = opening;
  const { method, params } = JSON.parse(firstLine(bytes) ?? '') as Record<string, unknown>;
  const isHello = method === 'bd/hello';
  admit(isHello ? params : undefined);
  const hello = isHello ? bridgeHello.check(params ?? {}, 'bd/hello') : {};
  const read = isHello ? bytes.indexOf('\n', bytes.indexOf('{')) + 1 : 0;
  const { serveMcp } = await import('../../mcp/mcp-server.ts');
  const hold = (bytes: number): void => memory.set(bytes + socket.writableLength);
  return () => {
    socket.unshift(bytes.subarray(read));
    const ending = new AbortController();
    const bounds = { hold };
    const context = serveMcp({ socket, call, hello, log, ending: ending.signal, bounds });
    return {
      async drain() {
        ending.abort();
        await context;
      },
    };
  };
}

function refuse(socket: Socket, error: BdError | undefined): void {
  if (error === undefined || !socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(`${JSON.stringify(errorReply(null, error))}\n`, () => socket.destroy());
}

/** Undefined for a client that just went away. */
function notUnderstood({ face, bytes }: Opening): BdError | undefined {
  if (face === 'ended') return undefined;
  const shown = JSON.stringify(bytes.toString('utf8', 0, 40));
  return new BdError('BAD_REQUEST', {
    message: face === 'silent' ? 'the connection said nothing' : `cannot understand ${shown}`,
    remedy:
      'Begin with a JSON-RPC message on one line, or with an LSP header (Content-Length); see docs/PROTOCOL.md.',
  });
}

function tooMany(): BdError {
  return new BdError('LIMIT_EXCEEDED', {
    message: `${CONNECTIONS_MAX} connections are open already`,
    remedy: 'End some of them, then try again.',
  });
}

/** Settles when what was written has left. */
async function endOutput(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    socket.end(resolve);
    socket.once('close', () => resolve());
  });
}

/** Gives what was written a moment to leave; the process ends right after. */
async function cutOff(socket: Socket): Promise<void> {
  const moment = new Promise<void>((resolve) => {
    setTimeout(resolve, 100).unref();
  });
  await Promise.race([endOutput(socket), moment]);
  socket.destroy();
}
