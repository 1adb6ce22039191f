import type { Socket } from 'node:net';
import { BdError, toBdError } from '../../core/errors.ts';
import { MESSAGE_TIMEOUT_MS, REQUESTS_PER_CONNECTION_MAX } from '../../core/limits.ts';
import type { Log } from '../../platform/log.ts';
import type { GoingAwayParams } from '../../protocol/daemon-methods.ts';
import { errorReply, notification, type Incoming } from '../../protocol/messages.ts';
import type { MemoryShare } from './memory-budget.ts';
import { createRpcPeer, type Handle } from './rpc-peer.ts';

export interface ServedConnection {
  /** Says that it ends, begins no more requests, and settles when the running ones are answered. */
  drain(refusal: BdError): Promise<void>;
}

/** Gets each whole message, with how many bytes it had. */
export type Receive = (message: Incoming, bytes: number) => void;

/** Turns bytes into messages and messages into bytes, in one of the framings. */
export interface Framing {
  /** Throws when the bytes break the framing for good. */
  read(chunk: Uint8Array, receive: Receive): void;
  /** What came without an end before the connection did. */
  readRest(receive: Receive): void;
  /** Whether bytes were read whose messages are still to come. */
  isBehind(): boolean;
  /** Bytes of a message that has begun and is not whole yet. */
  begun(): number;
  /** Forgets those: no more is read. */
  drop(): void;
  write(message: object): string;
}

export interface ConnectionOptions {
  socket: Socket;
  /** Read already, to find out the framing. */
  initial: Uint8Array;
  handle: Handle;
  log: Log;
  memory: MemoryShare;
  messageTimeoutMs?: number | undefined;
}

/** A refused client may still be sending: what it sends is thrown away for so long, then it is cut off. */
const REFUSAL_GRACE_MS = 2_000;

/**
 * Serves JSON-RPC on a socket until both sides have ended. Neither reads nor begins requests while
 * answers wait to be taken or too many requests run, so that a client that only sends cannot fill the
 * daemon's memory.
 */
export function serveRpc(
  {
    socket,
    initial,
    handle,
    log,
    memory,
    messageTimeoutMs = MESSAGE_TIMEOUT_MS,
  }: ConnectionOptions,
  framing: Framing,
): ServedConnection {
  let waiting: { message: Incoming; bytes: number }[] = [];
  let requestBytes = 0;
  let isGivenUp = false;
  let drained: (() => void) | undefined;
  let unfinished: NodeJS.Timeout | undefined;

  const isFull = (): boolean =>
    peer.running() >= REQUESTS_PER_CONNECTION_MAX || socket.writableNeedDrain;
  const isIdle = (): boolean => waiting.length === 0 && peer.running() === 0;
  const tellIdle = (): void => {
    if (isIdle()) drained?.();
  };
  /** Nobody is there to take the answers. */
  const forgetWaiting = (): void => {
    waiting = [];
    tellIdle();
  };
  const hold = (): void => memory.set(requestBytes + framing.begun() + socket.writableLength);
  const serve = ({ message, bytes }: { message: Incoming; bytes: number }): void => {
    peer.receive(message, () => {
      requestBytes -= bytes;
      hold();
    });
  };
  /** Also what ends a request may begin the next one. */
  const flow = (): void => {
    while (waiting.length > 0 && !isFull()) {
      const [next] = waiting.splice(0, 1);
      if (next !== undefined) serve(next);
    }
    const isPaused = isFull() || waiting.length > 0;
    if (isPaused && !isGivenUp) socket.pause();
    else socket.resume();
    clearTimeout(unfinished);
    if (!isPaused && framing.begun() > 0) {
      unfinished = setTimeout(() => giveUp(neverFinished(framing.begun())), messageTimeoutMs);
      unfinished.unref();
    }
    hold();
    tellIdle();
    endWhenDone();
  };
  const peer = createRpcPeer({
    handle,
    log,
    send(message) {
      if (!socket.writable || isGivenUp) return;
      socket.write(framing.write(message));
      hold();
    },
    settled: () => flow(),
  });
  const endWhenDone = (): void => {
    if (!socket.readableEnded || framing.isBehind()) return;
    // A client that was killed looks the same: neither will answer what it was asked.
    peer.end();
    if (isIdle()) socket.end();
  };
  const receive: Receive = (message, bytes) => {
    requestBytes += bytes;
    const entry = { message, bytes };
    // An answer is what a running request waits for: it waits behind none.
    if (message.kind === 'response' || (waiting.length === 0 && !isFull())) serve(entry);
    else waiting.push(entry);
    endWhenDone();
  };
  const giveUp = (error: BdError): void => {
    if (isGivenUp) return;
    socket.off('data', read);
    socket.off('end', finish);
    if (socket.writableNeedDrain) socket.destroy();
    else if (socket.writable) socket.end(framing.write(errorReply(null, error)));
    isGivenUp = true;
    forgetWaiting();
    framing.drop();
    memory.release();
    socket.resume();
    setTimeout(() => socket.destroy(), REFUSAL_GRACE_MS).unref();
  };
  const read = (chunk: Uint8Array): void => {
    try {
      framing.read(chunk, receive);
    } catch (error) {
      return giveUp(toBdError(error));
    }
    flow();
  };
  const finish = (): void => {
    framing.readRest(receive);
    endWhenDone();
  };
  memory.onTooMuch(giveUp);
  socket.on('drain', flow);
  socket.on('end', finish);
  socket.on('close', () => {
    clearTimeout(unfinished);
    forgetWaiting();
    peer.end();
  });
  socket.on('data', read);
  read(initial);
  if (socket.readableEnded) finish();
  return {
    drain(refusal) {
      peer.refuse(refusal);
      const goingAway = { reason: refusal.message } satisfies GoingAwayParams;
      if (socket.writable && !isGivenUp) {
        socket.write(framing.write(notification('going_away', goingAway)));
      }
      return isIdle() ? Promise.resolve() : new Promise((resolve) => (drained = resolve));
    },
  };
}

function neverFinished(bytes: number): BdError {
  return new BdError('BAD_REQUEST', {
    message: `a message was begun with ${bytes} bytes and not finished`,
    remedy:
      'Send each message whole: a line ends in a newline, an LSP message has its Content-Length.',
  });
}
