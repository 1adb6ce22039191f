import type { Duplex } from 'node:stream';
import {
  INVALID_REQUEST,
  PARSE_ERROR,
  parseJSONRPCMessage,
  type JSONRPCMessage,
  type RequestId,
  type Transport,
} from '@modelcontextprotocol/server';
import { toBdError } from '../core/errors.ts';
import { LINE_BYTES_MAX, MCP_DRAIN_TIMEOUT_MS } from '../core/limits.ts';
import { endsWithin } from '../platform/clock.ts';
import { lineFraming } from '../protocol/framing.ts';
import { errorReply, notification, parseBody } from '../protocol/messages.ts';
import { Channel, type ChannelSocket, type Job } from '../rpc/channel.ts';

export interface TransportOptions extends ChannelSocket {
  socket: Duplex;
  lineBytesMax?: number;
  drainTimeoutMs?: number;
}

/** It goes on until it is cancelled, and its answer only says that it ended. */
const SUBSCRIPTION_METHOD = 'subscriptions/listen';

/** Tells `bd mcp` that what has no answer by now was not begun. Other clients ignore it. */
const GOING_AWAY = notification('bd/going_away', {});

/** A message, or the answer to a line that is none. */
type ReadLine = { message: JSONRPCMessage } | { answer: object };

/**
 * MCP's stdio framing, one JSON-RPC message a line, for the SDK over a socket of the daemon. A client that
 * sends no more (`allowHalfOpen`) still gets the answers that are due; one that vanishes ends its server.
 */
export class SocketTransport implements Transport {
  onmessage?: NonNullable<Transport['onmessage']>;
  onclose?: () => void;
  /** Resolves when the socket is closed, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #drainTimeoutMs: number;
  readonly #channel: Channel<ReadLine>;
  readonly #pending = new Map<RequestId, Job>();
  readonly #subscriptions = new Set<Job>();
  #isClosed = false;
  #isDraining = false;

  constructor({
    lineBytesMax = LINE_BYTES_MAX,
    drainTimeoutMs = MCP_DRAIN_TIMEOUT_MS,
    ...options
  }: TransportOptions) {
    const { socket } = options;
    this.#drainTimeoutMs = drainTimeoutMs;
    this.ended = new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', resolve);
    });
    this.#channel = new Channel<ReadLine>({
      ...options,
      framing: lineFraming({ bytesMax: lineBytesMax }),
      decode: readLine,
      isUrgent: (line) => 'message' in line && !isRequest(line.message),
      serve: (line, job) => this.#serve(line, job),
      inputEnded: () => void this.#answerAll().then(() => this.close()),
      closed: () => this.#finish(),
      refusal: ({ message }) => problem(PARSE_ERROR, `Parse error: ${message}`),
    });
  }

  async start(): Promise<void> {
    this.#channel.start();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#isClosed) return;
    const sent = this.#channel.send(message);
    if (!('method' in message) && message.id !== undefined) this.#settle(message.id);
    await sent;
  }

  /** Begins nothing more, answers what is pending, and closes; says last that it went like that. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (await this.#answerAll()) void this.#channel.send(GOING_AWAY);
    await this.close();
  }

  async close(): Promise<void> {
    if (!this.#isClosed) void this.#channel.close({ flushMs: this.#drainTimeoutMs });
    this.#finish();
  }

  #serve(line: ReadLine, job: Job): void {
    if ('answer' in line) {
      void this.#channel.send(line.answer);
      return job.done();
    }
    if (this.#isDraining) return job.done();
    const { message } = line;
    if (isRequest(message)) {
      if (!this.#track(message, job)) return;
    } else {
      // A cancelled request gets no answer.
      if ('method' in message && message.method === 'notifications/cancelled') {
        this.#settle(message.params?.['requestId']);
      }
      job.done();
    }
    this.onmessage?.(message);
  }

  /** False when the request is refused. */
  #track({ id, method }: { id: RequestId; method: string }, job: Job): boolean {
    this.#settle(id);
    try {
      if (method === SUBSCRIPTION_METHOD) {
        job.keepOpen();
        this.#subscriptions.add(job);
      }
    } catch (error) {
      void this.#channel.send(errorReply(id, toBdError(error)));
      job.done();
      return false;
    }
    this.#pending.set(id, job);
    return true;
  }

  #settle(id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return;
    const job = this.#pending.get(id);
    this.#pending.delete(id);
    if (job !== undefined) this.#subscriptions.delete(job);
    job?.done();
  }

  /** False when it takes too long. */
  async #answerAll(): Promise<boolean> {
    for (const job of this.#subscriptions) job.done();
    return await endsWithin(this.#drainTimeoutMs, this.#channel.idle());
  }

  #finish(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const job of this.#pending.values()) job.done();
    this.#pending.clear();
    this.onclose?.();
  }
}

function readLine(body: Uint8Array): ReadLine {
  let value: unknown;
  try {
    value = parseBody(body);
  } catch (error) {
    return { answer: problem(PARSE_ERROR, `Parse error: ${toBdError(error).message}`) };
  }
  try {
    return { message: parseJSONRPCMessage(value) };
  } catch {
    return {
      answer: problem(INVALID_REQUEST, 'Invalid request: not one JSON-RPC 2.0 message', value),
    };
  }
}

function isRequest(message: JSONRPCMessage): message is JSONRPCMessage & {
  id: RequestId;
  method: string;
} {
  return 'method' in message && 'id' in message;
}

/** JSON-RPC asks for a null id where the request's own cannot be read. */
function problem(code: number, message: string, request?: unknown): object {
  return { jsonrpc: '2.0', id: idOf(request), error: { code, message } };
}

function idOf(request: unknown): string | number | null {
  if (typeof request !== 'object' || request === null || !('id' in request)) return null;
  const { id } = request;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}
