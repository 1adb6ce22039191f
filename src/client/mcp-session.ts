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
  /** It changes nothing, so it may be sent twice. */
  isHarmless: boolean;
  /** A subscription, which is answered when it ends: the bridge does not wait for that. */
  isHeld: boolean;
  isUndelivered: boolean;
  repeats: number;
}

/** A request that its daemon dies of more often than this is likely to be the reason. */
const REPEATS_MAX = 2;

/** The bridge's own: its answer is not for the client, which had one. */
const REPLAYED_ID = 'bd-mcp-initialize';

/**
 * What a bridge remembers of the lines it carries, so that it can go on with another daemon. A line is bytes,
 * each a character: text that is not UTF-8 is the daemon's to refuse, and must arrive there unchanged.
 */
export class McpSession {
  readonly #pending = new Map<string, Pending>();
  #initialize: Record<string, unknown> | undefined;
  #initialized: string | undefined;
  /** The daemon said that it did not begin what it did not answer. */
  #hasTakenLeave = false;
  #refusal: BdError | undefined;

  /** Records a line of the client's, which goes to the daemon. */
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

  /** The daemon was already gone when the line was written. */
  undelivered(line: string): void {
    for (const request of this.#pending.values()) request.isUndelivered ||= request.line === line;
  }

  /** Records a line of the daemon's; false when it is not for the client. */
  received(line: string): boolean {
    const message = readMessage(parse(line));
    if (message.kind === 'notification' && message.method === 'bd/going_away') {
      this.#hasTakenLeave = true;
      return false;
    }
    if (message.kind !== 'response') return true;
    const { id, outcome } = message;
    if (id === REPLAYED_ID) return false;
    if (id === null && 'error' in outcome && isOurs(outcome.error.data)) {
      this.#refusal = fromRpcError(outcome.error);
      return false;
    }
    this.#pending.delete(keyOf(id));
    return true;
  }

  /** The lines that begin a connection to another daemon, so that the client sees no difference. */
  opening(): string[] {
    const held = [...this.#pending.values()].filter(({ isHeld }) => isHeld).map(({ line }) => line);
    if (this.#initialize === undefined || this.#pending.has(keyOf(this.#initialize['id']))) {
      return held;
    }
    const replayed = toLine({ ...this.#initialize, id: REPLAYED_ID });
    return [replayed, ...(this.#initialized === undefined ? [] : [this.#initialized]), ...held];
  }

  /** The daemon is gone: the lines to send again, and the answers to requests that must not be. */
  cut(): { again: string[]; answers: string[] } {
    const [again, answers]: [string[], string[]] = [[], []];
    const isRetired = this.#refusal?.code === 'DAEMON_RETIRING';
    const failure = isRetired ? undefined : this.#refusal;
    for (const [key, request] of this.#pending) {
      const wasNotBegun = this.#hasTakenLeave || isRetired || request.isUndelivered;
      const mayRepeat = wasNotBegun || request.isHarmless;
      if (failure === undefined && request.isHeld) continue;
      if (failure === undefined && mayRepeat && request.repeats < REPEATS_MAX) {
        request.repeats += 1;
        request.isUndelivered = false;
        again.push(request.line);
      } else {
        this.#pending.delete(key);
        answers.push(toLine(errorReply(request.id, failure ?? lost(request.name))));
      }
    }
    this.#hasTakenLeave = false;
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
    return [...this.#pending.values()].filter(({ isHeld }) => !isHeld).length;
  }
}

function pendingFrom(request: Extract<Incoming, { kind: 'request' }>, line: string): Pending {
  const { id, method, params } = request;
  const tool = method === 'tools/call' ? (params as { name?: unknown }).name : undefined;
  return {
    id,
    line,
    name: typeof tool === 'string' ? tool : method,
    isHarmless: method !== 'tools/call' || isReadingTool(tool),
    isHeld: method === 'subscriptions/listen',
    isUndelivered: false,
    repeats: 0,
  };
}

/** Undefined for a line that is not JSON, which the daemon refuses. */
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

/** The daemon's error about the whole connection, not MCP's about a line. */
function isOurs(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'code' in data;
}

function lost(name: string): BdError {
  return new BdError('DAEMON_UNAVAILABLE', {
    message: `the daemon went away while it ran "${name}"`,
    remedy:
      'It may or may not have been done: look with `ready` or `show`, then repeat it if need be.',
  });
}
