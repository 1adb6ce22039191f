import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { McpSession } from '../../src/client/mcp-session.ts';

const line = (message: object): string => JSON.stringify({ jsonrpc: '2.0', ...message });

const call = (id: number | string, name: string): string =>
  line({ id, method: 'tools/call', params: { name } });

const initialize = line({ id: 0, method: 'initialize', params: { protocolVersion: 'x' } });
const initialized = line({ method: 'notifications/initialized' });
const goingAway = line({ method: 'bd/going_away', params: {} });

const idsIn = (lines: readonly string[]): unknown[] =>
  lines.map((text) => (JSON.parse(text) as { id?: unknown }).id);

test('a change that was not answered may have been done, a question is asked again', () => {
  const session = new McpSession();
  for (const text of [call(1, 'create'), call(2, 'ready'), call('2', 'show')]) session.sent(text);
  session.sent(line({ id: 3, method: 'tools/list' }));
  session.sent(call(4, 'update'));
  expect(session.received(line({ id: 4, result: {} }))).toBe(true);
  const { again, answers } = session.cut();
  expect(again).toEqual([
    call(2, 'ready'),
    call('2', 'show'),
    line({ id: 3, method: 'tools/list' }),
  ]);
  expect(answers.map((text) => JSON.parse(text) as unknown)).toMatchObject([
    {
      id: 1,
      error: { message: expect.stringContaining('"create"'), data: { code: 'DAEMON_UNAVAILABLE' } },
    },
  ]);
  expect(session.waiting()).toBe(3);
});

test('what was written to a daemon that was gone already is sent again, once for each time', () => {
  const session = new McpSession();
  session.sent(call(1, 'create'));
  session.undelivered(call(1, 'create'));
  expect(session.cut().again).toEqual([call(1, 'create')]);
  expect(idsIn(session.cut().answers)).toEqual([1]);
});

test('a daemon that takes its leave has not begun what it did not answer', () => {
  const session = new McpSession();
  session.sent(call(1, 'create'));
  expect(session.received(goingAway)).toBe(false);
  expect(session.cut()).toEqual({ again: [call(1, 'create')], answers: [] });
  // The next one was killed.
  expect(idsIn(session.cut().answers)).toEqual([1]);
});

test('one that refuses a bridge has not begun anything either', () => {
  const session = new McpSession();
  session.sent(call(1, 'create'));
  const refused = { code: 1018, message: 'ends', data: { code: 'DAEMON_RETIRING', remedy: 'r' } };
  expect(session.received(line({ id: null, error: refused }))).toBe(false);
  expect(session.cut().again).toEqual([call(1, 'create')]);
});

test('one that refuses it for good has its reason told to all that wait', () => {
  const session = new McpSession();
  session.sent(call(1, 'ready'));
  const refused = { code: 1013, message: 'too old', data: { code: 'DAEMON_UNAVAILABLE' } };
  session.received(line({ id: null, error: refused }));
  const { again, answers } = session.cut();
  expect(again).toEqual([]);
  expect(JSON.parse(answers[0] ?? '')).toMatchObject({ id: 1, error: { message: 'too old' } });
});

test('an answer about a line that MCP could not read is the client’s', () => {
  const session = new McpSession();
  const error = { code: -32_700, message: 'Parse error' };
  expect(session.received(line({ id: null, error }))).toBe(true);
});

test('another daemon is greeted as the first one was, and its answer is kept back', () => {
  const session = new McpSession();
  session.sent(initialize);
  expect(session.opening()).toEqual([]);
  session.received(line({ id: 0, result: {} }));
  session.sent(initialized);
  const [replayed = '', second] = session.opening();
  const { id, ...rest } = JSON.parse(replayed) as { id: string };
  expect({ ...rest, id: 0 }).toEqual(JSON.parse(initialize));
  expect(second).toBe(initialized);
  expect(session.received(line({ id, result: {} }))).toBe(false);
  expect(session.waiting()).toBe(0);
});

test('a greeting that was not answered is sent again as it was', () => {
  const session = new McpSession();
  session.sent(initialize);
  expect(session.cut().again).toEqual([initialize]);
  expect(session.opening()).toEqual([]);
});

test('a request that takes every daemon with it is given up', () => {
  const session = new McpSession();
  session.sent(call(1, 'ready'));
  const repeats = Array.from({ length: 5 }, () => session.cut().again.length);
  expect(repeats).toEqual([1, 1, 0, 0, 0]);
  expect(session.waiting()).toBe(0);
});

test('a subscription goes with the next connection, and nobody waits for it', () => {
  const session = new McpSession();
  const listen = line({ id: 7, method: 'subscriptions/listen' });
  session.sent(listen);
  expect(session.cut()).toEqual({ again: [], answers: [] });
  expect(session.opening()).toEqual([listen]);
  expect(session.waiting()).toBe(0);
});

test('what was cancelled is not sent again', () => {
  const session = new McpSession();
  session.sent(call(1, 'ready'));
  session.sent(line({ method: 'notifications/cancelled', params: { requestId: 1 } }));
  expect(session.cut()).toEqual({ again: [], answers: [] });
});

test('lines that are no messages go by', () => {
  const session = new McpSession();
  for (const text of ['', 'nonsense', '[]', '{}', 'null']) {
    session.sent(text);
    expect(session.received(text)).toBe(true);
    expect(session.refuse(text, new Error('x') as never)).toBeUndefined();
  }
  expect(session.waiting()).toBe(0);
});

test('the tools that are asked again are those that only read', () => {
  const path = join(import.meta.dirname, '../mcp/tools.snapshot.json');
  const tools = JSON.parse(readFileSync(path, 'utf8')) as {
    name: string;
    annotations: { readOnlyHint: boolean };
  }[];
  for (const { name, annotations } of tools) {
    const session = new McpSession();
    session.sent(call(1, name));
    expect(session.cut().again.length, name).toBe(annotations.readOnlyHint ? 1 : 0);
  }
});

test('letters outside ASCII are carried as their bytes', () => {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  const session = new McpSession();
  session.sent(bytes(call('ü', 'create')));
  session.received(bytes(line({ id: 'ü', result: {} })));
  expect(session.waiting()).toBe(0);
  session.sent(bytes(call('é', 'créer')));
  const [answer = ''] = session.cut().answers;
  expect(Buffer.from(answer, 'latin1').toString()).toContain('créer');
});
