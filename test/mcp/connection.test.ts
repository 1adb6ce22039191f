import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { LINE_BYTES_MAX, REQUESTS_PER_CONNECTION_MAX } from '../../src/core/limits.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { eventually } from '../support/eventually.ts';
import { createMcpHost, exchange, MODERN, use, type McpHost } from './mcp-session.ts';

let host: McpHost;

afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

interface Answer {
  id: number | string | null;
  result?: Record<string, unknown>;
  error?: { code: number; message: string };
}

const request = (id: number, method: string, params: Record<string, unknown> = {}): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

const initialize = request(1, 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'test', version: '1' },
});

const callTool = (id: number, name: string, args: Record<string, unknown> = {}): string =>
  request(id, 'tools/call', { name, arguments: args });

/** Holds every `list_ready` until it is let go. */
function gate(): { wrap: (call: Call) => Call; open: () => void; waiting: () => number } {
  let open = (): void => {};
  let waiting = 0;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    open: () => open(),
    waiting: () => waiting,
    wrap: (call) => async (method, params) => {
      if (method === 'list_ready') {
        waiting += 1;
        await opened;
      }
      return await call(method, params);
    },
  };
}

describe('bad input', () => {
  test('a line that is no message is answered, and the connection lives', async () => {
    host = await createMcpHost();
    const socket = await host.open();
    const answers = (await exchange(socket, [
      initialize,
      'not json',
      '[]',
      '{"jsonrpc":"2.0","id":7,"method":5}',
      '',
      '  \r',
      callTool(2, 'ready'),
    ])) as Answer[];
    expect(answers.filter(({ error }) => error !== undefined)).toEqual([
      { jsonrpc: '2.0', id: null, error: { code: -32700, message: expect.any(String) as string } },
      { jsonrpc: '2.0', id: null, error: { code: -32600, message: expect.any(String) as string } },
      { jsonrpc: '2.0', id: 7, error: { code: -32600, message: expect.any(String) as string } },
    ]);
    expect(answers.find(({ id }) => id === 2)?.result).toMatchObject({
      structuredContent: { items: [], total: 0 },
    });
  });

  test('bytes that are not UTF-8 are refused, never changed', async () => {
    host = await createMcpHost();
    const socket = await host.open();
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    const create = callTool(2, 'create', { issues: [{ title: 'X' }] });
    const [head = '', tail = ''] = create.split('X');
    socket.write(`${initialize}\n${head}`);
    socket.write(Buffer.from([0xff]));
    socket.end(`${tail}\n`);
    await once(socket, 'close');
    expect(Buffer.concat(received).toString()).toContain('-32700');
    expect((await host.call('list_issues', {})).total).toBe(0);
  });

  test('messages may arrive byte by byte, and several at once', async () => {
    host = await createMcpHost();
    const socket = await host.open();
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    const title = 'Grüße 漢字 😀';
    const lines = `${initialize}\n${callTool(2, 'create', { issues: [{ title }] })}\n`;
    for (const byte of Buffer.from(lines)) socket.write(Buffer.from([byte]));
    socket.end(`${callTool(3, 'ready')}\n${callTool(4, 'ready')}\n`);
    await once(socket, 'close');
    const answers = Buffer.concat(received).toString().trim().split('\n');
    expect(answers).toHaveLength(4);
    expect((await host.call('list_issues', {})).issues[0]?.title).toBe(title);
  });

  test('a line that does not end within the limit ends the connection, and only that', async () => {
    host = await createMcpHost();
    const socket = await host.open();
    socket.resume().write(Buffer.alloc(LINE_BYTES_MAX + 1, 'x'));
    await eventually(() => host.served.length === 1);
    await Promise.all(host.served);
    const other = await host.client();
    expect(await use(other, 'ready')).toEqual({ items: [], total: 0 });
    await other.close();
  });

  test('a line just within the limit is served', async () => {
    host = await createMcpHost({ bounds: { lineBytesMax: 1_000 } });
    const line = callTool(2, 'ready');
    const padded = line + ' '.repeat(1_000 - line.length);
    const answers = (await exchange(await host.open(), [initialize, padded])) as Answer[];
    expect(answers.map(({ id }) => id)).toEqual([1, 2]);
    const tooLong = (await exchange(await host.open(), [initialize, `${padded} `])) as Answer[];
    expect(tooLong.at(-1)).toMatchObject({ id: null, error: { code: -32700 } });
  });
});

describe('the end of a connection', () => {
  test('a client that has sent all still gets what is pending', async () => {
    const { wrap, open, waiting } = gate();
    host = await createMcpHost({ wrap });
    const socket = await host.open();
    const answers = exchange(socket, [initialize, callTool(2, 'ready'), callTool(3, 'ready')]);
    await eventually(() => waiting() === 2);
    open();
    expect(((await answers) as Answer[]).map(({ id }) => id)).toEqual([1, 2, 3]);
    await Promise.all(host.served);
  });

  test('a pending answer that never comes does not hold the connection for ever', async () => {
    const { wrap, waiting } = gate();
    host = await createMcpHost({ wrap, bounds: { drainTimeoutMs: 50 } });
    const socket = await host.open();
    const answers = exchange(socket, [initialize, callTool(2, 'ready')]);
    await eventually(() => waiting() === 1);
    expect(((await answers) as Answer[]).map(({ id }) => id)).toEqual([1]);
    await Promise.all(host.served);
  });

  test('a cancelled request is not waited for', async () => {
    const { wrap, waiting } = gate();
    host = await createMcpHost({ wrap, bounds: { drainTimeoutMs: 3_600_000 } });
    const socket = await host.open();
    socket.write(`${initialize}\n${callTool(2, 'ready')}\n`);
    await eventually(() => waiting() === 1);
    const method = 'notifications/cancelled';
    const cancel = JSON.stringify({ jsonrpc: '2.0', method, params: { requestId: 2 } });
    const answers = (await exchange(socket, [cancel])) as Answer[];
    expect(answers.map(({ id }) => id)).toEqual([1]);
  });

  test('a client that vanishes within a call ends its server, quietly', async () => {
    const { wrap, open, waiting } = gate();
    host = await createMcpHost({ wrap });
    const socket = await host.open();
    socket.write(`${initialize}\n${callTool(2, 'ready')}\n`);
    await eventually(() => waiting() === 1);
    socket.destroy();
    open();
    await Promise.all(host.served);
    expect(host.logged).toEqual([]);
  });

  test('a socket that is gone before it is served ends at once', async () => {
    host = await createMcpHost();
    const { serveMcp } = await import('../../src/mcp/mcp-server.ts');
    const socket = await host.open();
    socket.destroy();
    await once(socket, 'close');
    const log = { warn: () => {}, error: () => {} };
    await serveMcp({ socket, call: host.call, hello: {}, log }).ended;
  });

  test('two hundred connections, ended in every way, leave no server behind', async () => {
    const sessions: WeakRef<Call>[] = [];
    const wrap = (call: Call): Call => {
      // Every tool of a connection's server holds this function, so it lives as long as the server.
      const own: Call = (method, params) => call(method, params);
      sessions.push(new WeakRef(own));
      return own;
    };
    host = await createMcpHost({ wrap });
    const { issue_id: id } = await host.call('create_issue', {
      issue: { title: 'Big', description: 'x'.repeat(20_000) },
    });
    for (let batch = 0; batch < 20; batch++) {
      await Promise.all(Array.from({ length: 10 }, (_, index) => connectAndEnd(index, id)));
    }
    await Promise.all(host.served);
    expect(sessions).toHaveLength(200);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await eventually(() => {
      collect();
      return sessions.every((session) => session.deref() === undefined);
    });
  });
});

async function connectAndEnd(index: number, bigId: string): Promise<void> {
  if (index < 4) {
    const era = index % 2 === 0 ? 'legacy' : { pin: MODERN };
    const client = await host.client({ era });
    await use(client, 'ready');
    await client.close();
    return;
  }
  const socket = await host.open();
  if (index < 6) socket.destroy();
  else if (index < 8) await exchange(socket, [initialize]);
  else if (index < 9) {
    socket.write(`${initialize}\n${callTool(2, 'ready')}\n{"half`);
    socket.destroy();
  } else {
    const show = callTool(2, 'show', { ids: [bigId] });
    socket.write([initialize, ...Array.from({ length: 50 }, () => show), ''].join('\n'));
    // More answers than the socket holds are under way, and nobody reads them.
    await once(socket, 'readable');
    socket.destroy();
  }
}

describe('back-pressure', () => {
  test('a client with too many unanswered requests is not read from until they are', async () => {
    const { wrap, open, waiting } = gate();
    host = await createMcpHost({ wrap });
    const socket = await host.open();
    const count = 3 * REQUESTS_PER_CONNECTION_MAX;
    const lines = Array.from({ length: count }, (_, index) => callTool(index + 2, 'ready'));
    const answers = exchange(socket, [initialize, ...lines]);
    await eventually(() => waiting() >= REQUESTS_PER_CONNECTION_MAX - 1);
    expect(waiting()).toBeLessThanOrEqual(REQUESTS_PER_CONNECTION_MAX);
    open();
    expect(await answers).toHaveLength(count + 1);
  });

  test('a client that does not read its answers stops being served, then catches up', async () => {
    let calls = 0;
    host = await createMcpHost({
      wrap: (call) => (method, params) => {
        calls += 1;
        return call(method, params);
      },
    });
    const { issue_id: id } = await host.call('create_issue', {
      issue: { title: 'Big', description: 'x'.repeat(20_000) },
    });
    const socket = await host.open();
    const count = 1_000;
    const lines = Array.from({ length: count }, (_, index) =>
      callTool(index + 2, 'show', { ids: [id] }),
    );
    socket.end([initialize, ...lines].map((line) => `${line}\n`).join(''));
    let before = -1;
    await eventually(() => {
      const isStill = calls > 0 && calls === before;
      before = calls;
      return isStill;
    });
    expect(calls).toBeLessThan(count);
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    await once(socket, 'close');
    expect(Buffer.concat(received).toString().trim().split('\n')).toHaveLength(count + 1);
  });
});
