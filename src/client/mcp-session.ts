import { BdError } from '../core/errors.ts';
import { errorReply, fromRpcError, readMessage, type RpcId } from '../protocol/messages.ts';
import { isReadingTool } from '../protocol/tools.ts';

/**
 * What a bridge knows of the lines that it carries, to go on with another daemon. A line is bytes, each a
 * character: what is no UTF-8 is the daemon's to refuse, and must arrive there as it is.
 */
export interface McpSession {
  /** A line of the client's, which goes to the daemon. */
  sent(line: string): void;
  /** The daemon was gone already when the line was written. */
  undelivered(line: string): void;
  /** A line of the daemon's; false when it is not for the client. */
  received(line: string): boolean;
  /** With what a connection to another daemon begins: as far as the client knows, it is the same one. */
  opening(): string[];
  /** The daemon is gone: what is to be sent again, and the answers to what may not. */
  cut(): { again: string[]; answers: string[] };
  /** The answer to a request that no daemon can be found for; undefined for whatever else a line may be. */
  refuse(line: string, error: BdError): string | undefined;
  /** Requests that wait for their answer. */
  waiting(): number;
}

interface Pending {
  id: RpcId;
  line: string;
  /** Of the tool, or else the method. */
  name: string;
  /** It changes nothing, so it may be sent twice. */
  isHarmless: boolean;
  /** A subscription: it is answered when it ends, so nobody waits for that. */
  isHeld: boolean;
  isUndelivered: boolean;
  repeats: number;
}

/** A request that goes with its daemon more often than this is likely to be the reason. */
const REPEATS_MAX = 2;

/** The bridge's own: its answer is not for the client, which had one. */
const REPLAYED_ID = 'bd-mcp-initialize';

export function createMcpSession(): McpSession {
  const pending = new Map<string, Pending>();
  let initialize: Record<string, unknown> | undefined;
  let initialized: string | undefined;
  /** The daemon said that what it did not answer was not begun. */
  let hasTakenLeave = false;
  let refusal: BdError | undefined;

  const isAnswered = (id: unknown): boolean => !pending.has(keyOf(id));
  return {
    sent(line) {
      const value = parse(line);
      const message = readMessage(value);
      if (message.kind === 'notification') {
        if (message.method === 'notifications/initialized') initialized = line;
        if (message.method === 'notifications/cancelled') {
          pending.delete(keyOf((message.params as { requestId?: unknown }).requestId));
        }
      } else if (message.kind === 'request') {
        const { id, method, params } = message;
        if (method === 'initialize') initialize = value as Record<string, unknown>;
        const tool = method === 'tools/call' ? (params as { name?: unknown }).name : undefined;
        pending.set(keyOf(id), {
          id,
          line,
          name: typeof tool === 'string' ? tool : method,
          isHarmless: method !== 'tools/call' || isReadingTool(tool),
          isHeld: method === 'subscriptions/listen',
          isUndelivered: false,
          repeats: 0,
        });
      }
    },
    undelivered(line) {
      for (const request of pending.values()) request.isUndelivered ||= request.line === line;
    },
    received(line) {
      const message = readMessage(parse(line));
      if (message.kind === 'notification' && message.method === 'bd/going_away') {
        hasTakenLeave = true;
        return false;
      }
      if (message.kind !== 'response') return true;
      const { id, outcome } = message;
      if (id === REPLAYED_ID) return false;
      if (id === null && 'error' in outcome && isOurs(outcome.error.data)) {
        refusal = fromRpcError(outcome.error);
        return false;
      }
      pending.delete(keyOf(id));
      return true;
    },
    opening() {
      const held = [...pending.values()].filter(({ isHeld }) => isHeld).map(({ line }) => line);
      if (initialize === undefined || !isAnswered(initialize['id'])) return held;
      const replayed = toLine({ ...initialize, id: REPLAYED_ID });
      return [replayed, ...(initialized === undefined ? [] : [initialized]), ...held];
    },
    cut() {
      const [again, answers]: [string[], string[]] = [[], []];
      const isRetired = refusal?.code === 'DAEMON_RETIRING';
      for (const [key, request] of pending) {
        const wasNotBegun = hasTakenLeave || isRetired || request.isUndelivered;
        const mayRepeat = wasNotBegun || request.isHarmless;
        const failure = isRetired ? undefined : refusal;
        if (failure === undefined && request.isHeld) continue;
        if (failure === undefined && mayRepeat && request.repeats < REPEATS_MAX) {
          request.repeats += 1;
          request.isUndelivered = false;
          again.push(request.line);
        } else {
          pending.delete(key);
          const error = failure ?? lost(request.name);
          answers.push(toLine(errorReply(request.id, error)));
        }
      }
      hasTakenLeave = false;
      refusal = undefined;
      return { again, answers };
    },
    refuse(line, error) {
      const message = readMessage(parse(line));
      if (message.kind !== 'request') return undefined;
      pending.delete(keyOf(message.id));
      return toLine(errorReply(message.id, error));
    },
    waiting: () => [...pending.values()].filter(({ isHeld }) => !isHeld).length,
  };
}

/** What is no JSON is the daemon's to refuse. */
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

/** The daemon's own word about the whole connection, not MCP's about a line. */
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
