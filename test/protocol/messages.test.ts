import { expect, test } from 'vitest';
import { BdError } from '../../src/core/errors.ts';
import {
  decodeMessage,
  errorReply,
  fromRpcError,
  readMessage,
  toRpcError,
} from '../../src/protocol/messages.ts';

test.each([
  [
    'a request',
    { jsonrpc: '2.0', id: 7, method: 'ping' },
    { kind: 'request', id: 7, method: 'ping', params: {} },
  ],
  [
    'a request with id null',
    { jsonrpc: '2.0', id: null, method: 'ping' },
    { kind: 'request', id: null },
  ],
  [
    'a notification',
    { jsonrpc: '2.0', method: 'x', params: { a: 1 } },
    { kind: 'notification', params: { a: 1 } },
  ],
  [
    'a result',
    { jsonrpc: '2.0', id: 'a', result: null },
    { kind: 'response', id: 'a', outcome: { result: null } },
  ],
  [
    'an error',
    { jsonrpc: '2.0', id: 1, error: { code: 5, message: 'm' } },
    { kind: 'response', outcome: { error: { code: 5, message: 'm' } } },
  ],
])('reads %s', (_what, value, expected) => {
  expect(readMessage(value)).toMatchObject(expected);
});

test.each([
  ['a batch', [{ jsonrpc: '2.0', id: 1, method: 'ping' }], null],
  ['a text', 'ping', null],
  ['null', null, null],
  ['another version', { jsonrpc: '1.0', id: 3, method: 'ping' }, 3],
  ['an object as id', { jsonrpc: '2.0', id: {}, method: 'ping' }, null],
  ['no method', { jsonrpc: '2.0', id: 3 }, 3],
  ['a list of parameters', { jsonrpc: '2.0', id: 3, method: 'ping', params: [1] }, 3],
])('refuses %s with -32600, to its id when it has one', (_what, value, id) => {
  const message = readMessage(value);
  expect(message).toMatchObject({ kind: 'invalid', id });
  if (message.kind !== 'invalid') return;
  expect(errorReply(message.id, message.error)).toMatchObject({
    error: { code: -32_600, data: { code: 'BAD_REQUEST', remedy: expect.stringMatching(/\w+/) } },
  });
});

test.each([
  ['no JSON', Buffer.from('{"a')],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
])('what is %s gets -32700', (_what, bytes) => {
  const message = decodeMessage(bytes);
  if (message.kind !== 'invalid') throw new Error('not invalid');
  expect(toRpcError(message.error)).toMatchObject({
    code: -32_700,
    data: { code: 'NOT_JSON' },
    message: expect.stringContaining('not JSON in UTF-8'),
  });
});

test('an error keeps its code, remedy and details over the wire', () => {
  const error = new BdError('ISSUE_NOT_FOUND', {
    message: 'no issue found matching "x"',
    remedy: 'Look.',
    details: { issue_id: 'x' },
  });
  const sent = toRpcError(error);
  expect(sent.code).toBe(1001);
  expect(fromRpcError(JSON.parse(JSON.stringify(sent)))).toEqual(error);
});

test('an error of a stranger becomes INTERNAL with its message', () => {
  expect(fromRpcError({ code: 1, message: 'm', data: { code: 'NOT_OURS' } })).toMatchObject({
    code: 'INTERNAL',
    message: 'm',
  });
});
