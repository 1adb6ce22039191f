import { BdError } from '../core/errors.ts';
import {
  errorReply,
  fromRpcError,
  readMessage,
  type Incoming,
  type RpcId,
} from '../protocol/messages.ts';
import { isReadingTool } from '../protocol/tools.ts';

interface Pending {
  id: RpcId;
  line: string;
  /** Of the tool, or else the method. */
  name: string;
  /** It only reads, so it may be sent twice. */
  isReading: boolean;
  /** A subscription, whose answer comes when it ends: the bridge does not wait for it. */
  isSubscription: boolean;
  isUndelivered: boolean;
  repeats: number;
}

/** After so many daemons have died with a request, the request is probably the cause. */
const REPEATS_MAX = 2;

/** Of the bridge's own request: the client has had its answer from the first daemon. */
const REPLAYED_ID = 'bd-mcp-initialize';

/**
 * What a bridge remembers of a session, so that it can continue with another daemon. Lines are latin1 text,
 * one character per byte: the daemon refuses bytes that are not UTF-8, so they must reach it unchanged.
 */
export class McpSession {
  readonly #pending = new Map<string, Pending>();
  #initialize: Record<string, unknown> | undefined;
  #initialized: string | undefined;
  /** The daemon said that it has not begun the requests without an answer. */
  #isGoingAway = false;
  #refusal: BdError | undefined;

  /** Records a line from the client, which is sent to the daemon. */
  sent(line: string): void {
    const value = parse(line);
    const message = readMessage(value);
    if (message.kind === 'request') {
      if (message.method === 'initialize') this.#initialize = value as Record<string, unknown>;
      this.#pending.set(keyOf(message.id), pendingFrom(message, line));
    }
    if (message.kind !== 'notification') return;
    if (message.method === 'notifications/initialized') this.#initialized = line;
    if (message.method === 'notifications/cancelled') {
      this.#pending.delete(keyOf((message.params as { requestId?: unknown }).requestId));
    }
  }

  /** The line could not be written: the daemon was gone already. */
  undelivered(line: string): void {
    for (const request of this.#pending.values()) request.isUndelivered ||= request.line === line;
  }

  /** Records a line from the daemon; false when it is not for the client. */
  received(line: string): boolean {
    const message = readMessage(parse(line));
    if (message.kind === 'notification' && message.method === 'bd/going_away') {
      this.#isGoingAway = true;
      return false;
    }
    if (message.kind !== 'response') return true;
    const { id, outcome } = message;
    if (id === REPLAYED_ID) return false;
    if (id === null && 'error' in outcome && isDaemonError(outcome.error.data)) {
      this.#refusal = fromRpcError(outcome.error);
      return false;
    }
    this.#pending.delete(keyOf(id));
    return true;
  }

  /** The lines that open a connection to another daemon, so that the client notices no difference. */
  opening(): string[] {
    const subscriptions = [...this.#pending.values()]
      .filter(({ isSubscription }) => isSubscription)
      .map(({ line }) => line);
    if (this.#initialize === undefined || this.#pending.has(keyOf(this.#initialize['id']))) {
      return subscriptions;
    }
    const replayed = toLine({ ...this.#initialize, id: REPLAYED_ID });
    return [replayed, this.#initialized ?? [], subscriptions].flat();
  }

  /** After the daemon's end: the lines to send again, and error answers to requests that must not be. */
  cut(): { again: string[]; answers: string[] } {
    const [again, answers]: [string[], string[]] = [[], []];
    const isRetired = this.#refusal?.code === 'DAEMON_RETIRING';
    const failure = isRetired ? undefined : this.#refusal;
    for (const [key, request] of this.#pending) {
      const wasNotBegun = this.#isGoingAway || isRetired || request.isUndelivered;
      const mayRepeat = wasNotBegun || request.isReading;
      if (failure === undefined && request.isSubscription) continue;
      if (failure === undefined && mayRepeat && request.repeats < REPEATS_MAX) {
        request.repeats += 1;
        request.isUndelivered = false;
        again.push(request.line);
      } else {
        this.#pending.delete(key);
        answers.push(toLine(errorReply(request.id, failure ?? lost(request.name))));
      }
    }
    this.#isGoingAway = false;
    this.#refusal = undefined;
    return { again, answers };
  }

  /** The answer to a request when no daemon can be found; undefined for any other line. */
  refuse(line: string, error: BdError): string | undefined {
    const message = readMessage(parse(line));
    if (message.kind !== 'request') return undefined;
    this.#pending.delete(keyOf(message.id));
    return toLine(errorReply(message.id, error));
  }

  /** How many requests wait for their answer. */
  waiting(): number {
    return [...this.#pending.values()].filter(({ isSubscription }) => !isSubscription).length;
  }
}

function pendingFrom(request: Extract<Incoming, { kind: 'request' }>, line: string): Pending {
  const { id, method, params } = request;
  const tool = method === 'tools/call' ? (params as { name?: unknown }).name : undefined;
  return {
    id,
    line,
    name: typeof tool === 'string' ? tool : method,
    isReading: method !== 'tools/call' || isReadingTool(tool),
    isSubscription: method === 'subscriptions/listen',
    isUndelivered: false,
    repeats: 0,
  };
}

/** Undefined for a line that is not JSON: the daemon refuses it. */
function parse(line: string): unknown {
  try {
    return JSON.parse(Buffer.from(line, 'latin1').toString());
  } catch {
    return undefined;
  }
}

function toLine(message: object): string {
  return Buffer.from(JSON.stringify(message)).toString('latin1');
}

/** 1 and "1" are two ids. */
function keyOf(id: unknown): string {
  return JSON.stringify(id) ?? '';
}

/** Whether the error is the daemon's about the connection, not MCP's about a line. */
function isDaemonError(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'code' in data;
}

function lost(name: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `the daemon went away while it ran "${name}"`,
    remedy:
      'It may or may not have been done: look with `ready` or `show`, then repeat it if need be.',
  });
}
