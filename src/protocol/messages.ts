import { BdError, ERRORS, isErrorCode, messageOf, toBdError } from '../core/errors.ts';

export type RpcId = string | number | null;

export type Incoming =
  | { kind: 'request'; id: RpcId; method: string; params: unknown }
  | { kind: 'notification'; method: string; params: unknown }
  | { kind: 'response'; id: RpcId; outcome: RpcOutcome }
  | { kind: 'invalid'; id: RpcId; error: BdError };

export type RpcOutcome = { result: unknown } | { error: RpcError };

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** Sorts one decoded message by JSON-RPC 2.0; batches are refused, as MCP does by now. */
export function readMessage(value: unknown): Incoming {
  if (Array.isArray(value)) return invalid(null, 'a batch', 'Send one message at a time.');
  if (typeof value !== 'object' || value === null) {
    return invalid(null, `${JSON.stringify(value)} instead of an object`, EXAMPLE);
  }
  const { jsonrpc, id, method, params, result, error } = value as Record<string, unknown>;
  const known = isId(id) ? id : null;
  if (jsonrpc !== '2.0') return invalid(known, 'a message without "jsonrpc":"2.0"', EXAMPLE);
  if (id !== undefined && !isId(id)) {
    return invalid(null, `the id ${JSON.stringify(id)}`, 'Use a text or a number as id.');
  }
  if (typeof method === 'string') {
    if (params !== undefined && (typeof params !== 'object' || Array.isArray(params))) {
      return invalid(known, 'parameters that are not an object', 'Name the parameters.');
    }
    if (id === undefined) return { kind: 'notification', method, params: params ?? {} };
    return { kind: 'request', id: known, method, params: params ?? {} };
  }
  if (method === undefined && (result !== undefined || error !== undefined)) {
    return { kind: 'response', id: known, outcome: readOutcome(result, error) };
  }
  return invalid(known, 'a message without a method', EXAMPLE);
}

/** Text must not change silently, so bytes that are not UTF-8 are refused, not replaced. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** One message's bytes, without their envelope; throws `NOT_JSON`. */
export function parseBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(body));
  } catch (error) {
    throw new BdError('NOT_JSON', {
      message: `the message is not JSON in UTF-8: ${messageOf(error)}`,
      remedy: EXAMPLE,
    });
  }
}

export function decodeMessage(body: Uint8Array): Incoming {
  try {
    return readMessage(parseBody(body));
  } catch (error) {
    return { kind: 'invalid', id: null, error: toBdError(error) };
  }
}

/** The notification that stops a request, `{id}`, as in the Language Server Protocol. */
export const CANCEL_METHOD = '$/cancelRequest';

export function request(id: RpcId, method: string, params: unknown): object {
  return { jsonrpc: '2.0', id, method, params };
}

export function notification(method: string, params: unknown): object {
  return { jsonrpc: '2.0', method, params };
}

export function resultReply(id: RpcId, result: unknown): object {
  return { jsonrpc: '2.0', id, result };
}

export function errorReply(id: RpcId, error: BdError): object {
  return { jsonrpc: '2.0', id, error: toRpcError(error) };
}

export function toRpcError({ code, message, remedy, details }: BdError): RpcError {
  return { code: ERRORS[code].rpc, message, data: { code, remedy, details } };
}

/** The error that a daemon sent; one from a stranger becomes `INTERNAL`. */
export function fromRpcError({ message, data }: RpcError): BdError {
  const { code, remedy, details } = { ...(data as Record<string, unknown> | undefined) };
  return new BdError(isErrorCode(code) ? code : 'INTERNAL', {
    message,
    remedy: typeof remedy === 'string' ? remedy : 'Look into .beads/daemon.log.',
    ...(typeof details === 'object' && details !== null ? { details: { ...details } } : {}),
  });
}

const EXAMPLE = 'Send {"jsonrpc":"2.0","id":1,"method":"ping"}, for example.';

function invalid(id: RpcId, what: string, remedy: string): Incoming {
  const error = new BdError('BAD_REQUEST', { message: `cannot use ${what}`, remedy });
  return { kind: 'invalid', id, error };
}

function isId(value: unknown): value is RpcId {
  return typeof value === 'string' || typeof value === 'number' || value === null;
}

function readOutcome(result: unknown, error: unknown): RpcOutcome {
  if (error === undefined || error === null) return { result };
  const { code, message, data } = { ...(error as Record<string, unknown>) };
  return {
    error: {
      code: typeof code === 'number' ? code : ERRORS.INTERNAL.rpc,
      message: typeof message === 'string' ? message : 'an error without a message',
      data,
    },
  };
}
