import type { Duplex } from 'node:stream';
import {
  serializeMessage,
  type JSONRPCMessage,
  type RequestId,
  type Transport,
} from '@modelcontextprotocol/server';
import { LINE_BYTES_MAX, MCP_DRAIN_TIMEOUT_MS, MCP_REQUESTS_MAX } from '../core/limits.ts';
import { readMessage, splitLines, tooLongLine } from './message-line.ts';

export interface SocketTransport extends Transport {
  /** Settles when the socket is closed, for whatever reason. */
  readonly ended: Promise<void>;
  /** Begins nothing more, answers what is pending, and closes; says last that it went like that. */
  drain(): Promise<void>;
}

export interface SocketBounds {
  lineBytesMax?: number;
  drainTimeoutMs?: number;
  /** Told how many bytes of an unfinished line are kept. */
  hold?: (bytes: number) => void;
}

/** A held subscription is answered when it ends, so nobody waits for that answer. */
const UNANSWERED_METHOD = 'subscriptions/listen';

/** For `bd mcp`: what is not answered by now was not begun. Others ignore what they do not know. */
const FAREWELL = '{"jsonrpc":"2.0","method":"bd/going_away","params":{}}\n';

/**
 * MCP's stdio framing, one JSON-RPC message a line, over a socket of the daemon. Where the SDK's own
 * transport leaks or loses, this one does not: a peer that vanishes ends the server instance;
 * a peer that sends no more (`allowHalfOpen`) still gets what is pending; a peer that does not read
 * its answers is not read from. A bad line is answered; an endless one ends the connection.
 */
export function createSocketTransport(
  socket: Duplex,
  {
    lineBytesMax = LINE_BYTES_MAX,
    drainTimeoutMs = MCP_DRAIN_TIMEOUT_MS,
    hold = () => {},
  }: SocketBounds = {},
): SocketTransport {
  const pending = new Set<RequestId>();
  const waiting = new Set<() => void>();
  let isClosed = false;
  let isDraining = false;

  const wake = (): void => {
    const woken = [...waiting];
    waiting.clear();
    for (const resume of woken) resume();
  };
  const until = async (holds: () => boolean): Promise<void> => {
    for (;;) {
      if (isClosed || holds()) return;
      await new Promise<void>((resume) => waiting.add(resume));
    }
  };

  const transport: SocketTransport = {
    ended: new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', resolve);
    }),

    start() {
      socket.on('drain', wake);
      socket.on('close', finish);
      // 'close' follows, and a peer that vanished is no news.
      socket.on('error', () => {});
      if (socket.destroyed) finish();
      else void read();
      return Promise.resolve();
    },

    async send(message) {
      if (isClosed) return;
      socket.write(serializeMessage(message));
      if (!('method' in message) && message.id !== undefined) pending.delete(message.id);
      wake();
      await until(() => !socket.writableNeedDrain);
    },

    async drain() {
      isDraining = true;
      if ((await allAnswered()) && socket.writable) socket.write(FAREWELL);
      await transport.close();
    },

    close() {
      if (!isClosed && !socket.destroyed) {
        const timer = setTimeout(() => socket.destroy(), drainTimeoutMs);
        socket.once('close', () => clearTimeout(timer));
        socket.end(() => socket.destroy());
      }
      finish();
      return Promise.resolve();
    },
  };

  async function read(): Promise<void> {
    try {
      const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      for await (const line of splitLines(chunks, { lineBytesMax, hold })) {
        if (line === 'tooLong') {
          socket.write(tooLongLine(lineBytesMax));
          socket.destroy();
          return;
        }
        if (isDraining) return;
        receive(line);
        await until(() => !socket.writableNeedDrain && pending.size < MCP_REQUESTS_MAX);
      }
      await allAnswered();
      await transport.close();
    } catch {
      // The iterator fails when the peer vanishes within a line.
      socket.destroy();
    }
  }

  function receive(line: Uint8Array): void {
    const read = readMessage(line);
    if ('answer' in read) {
      socket.write(read.answer);
      return;
    }
    track(read.message);
    transport.onmessage?.(read.message);
  }

  function track(message: JSONRPCMessage): void {
    if (!('method' in message)) return;
    if ('id' in message) {
      if (message.method !== UNANSWERED_METHOD) pending.add(message.id);
    } else if (message.method === 'notifications/cancelled') {
      // A cancelled request gets no answer.
      const id: unknown = message.params?.['requestId'];
      if (typeof id === 'string' || typeof id === 'number') pending.delete(id);
    }
  }

  /** False when it takes too long. */
  async function allAnswered(): Promise<boolean> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      wake();
    }, drainTimeoutMs);
    await until(() => pending.size === 0 || isLate);
    clearTimeout(timer);
    return pending.size === 0;
  }

  function finish(): void {
    if (isClosed) return;
    isClosed = true;
    wake();
    transport.onclose?.();
  }

  return transport;
}
