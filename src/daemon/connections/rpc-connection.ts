import type { Socket } from 'node:net';
import { toBdError } from '../../core/errors.ts';
import { REQUESTS_PER_CONNECTION_MAX } from '../../core/limits.ts';
import type { Log } from '../../platform/log.ts';
import { errorReply, type Incoming } from '../../protocol/messages.ts';
import { createRpcPeer, type Handle } from './rpc-peer.ts';

export interface ServedConnection {
  /** Takes no more requests, and settles when the running ones are answered. */
  drain(): Promise<void>;
}

/** Turns bytes into messages and messages into bytes, in one of the framings. */
export interface Framing {
  /** Throws when the bytes break the framing for good; `receive` gets each whole message. */
  read(chunk: Uint8Array, receive: (message: Incoming) => void): void;
  /** What came without an end before the connection did. */
  readRest(receive: (message: Incoming) => void): void;
  /** Whether bytes were read whose messages are still to come. */
  isBehind(): boolean;
  write(message: object): string;
}

export interface ConnectionOptions {
  socket: Socket;
  /** Read already, to find out the framing. */
  initial: Uint8Array;
  handle: Handle;
  log: Log;
}

/** A refused client may still be sending: what it sends is thrown away for so long, then it is cut off. */
const REFUSAL_GRACE_MS = 2_000;

/**
 * Serves JSON-RPC on a socket until both sides have ended. Reads no further while answers wait to be
 * taken or too many requests run, so that a client that only sends cannot fill the daemon's memory.
 */
export function serveRpc(
  { socket, initial, handle, log }: ConnectionOptions,
  framing: Framing,
): ServedConnection {
  let isDraining = false;
  let drained: (() => void) | undefined;
  const peer = createRpcPeer({
    handle,
    log,
    send(message) {
      if (socket.writable) socket.write(framing.write(message));
    },
    settled() {
      flow();
      if (peer.running() === 0) drained?.();
      endWhenDone();
    },
  });
  const endWhenDone = (): void => {
    if (!socket.readableEnded || framing.isBehind()) return;
    // A client that was killed looks the same: neither will answer what it was asked.
    peer.end();
    if (peer.running() === 0) socket.end();
  };
  const receive = (message: Incoming): void => {
    peer.receive(message);
    endWhenDone();
  };
  const flow = (): void => {
    const isFull = peer.running() >= REQUESTS_PER_CONNECTION_MAX || socket.writableNeedDrain;
    if (isFull || isDraining) socket.pause();
    else socket.resume();
  };
  const read = (chunk: Uint8Array): void => {
    try {
      framing.read(chunk, receive);
    } catch (error) {
      socket.off('data', read);
      if (socket.writable) socket.end(framing.write(errorReply(null, toBdError(error))));
      socket.resume();
      setTimeout(() => socket.destroy(), REFUSAL_GRACE_MS).unref();
      return;
    }
    flow();
  };
  const finish = (): void => {
    framing.readRest(receive);
    endWhenDone();
  };
  socket.on('drain', flow);
  socket.on('end', finish);
  socket.on('close', () => peer.end());
  socket.on('data', read);
  read(initial);
  if (socket.readableEnded) finish();
  return {
    drain() {
      isDraining = true;
      flow();
      return peer.running() === 0
        ? Promise.resolve()
        : new Promise((resolve) => (drained = resolve));
    },
  };
}
