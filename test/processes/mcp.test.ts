import { once } from 'node:events';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { refusal, use } from '../mcp/mcp-session.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;

beforeEach(async () => {
  workspace = await createTestWorkspace();
  await workspace.bdText(['init', '--prefix', 't']);
});

afterEach(async () => {
  await workspace[Symbol.asyncDispose]();
});

async function connectThroughBridge(era: 'legacy' | 'auto' | { pin: string }): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: era } });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [BD, 'mcp'],
    cwd: workspace.directory,
    env: { ...workspace.env },
  });
  await client.connect(transport);
  return client;
}

describe.each([
  ['legacy', 'legacy' as const],
  ['auto', 'auto' as const],
  ['2026-07-28', { pin: '2026-07-28' }],
])('the SDK’s own client through `bd mcp`, %s', (_name, era) => {
  test('lists the six tools, creates, finds, claims and closes an issue', async () => {
    const client = await connectThroughBridge(era);
    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(['ready', 'show', 'create', 'update', 'claim', 'close']);
    const { created } = await use<{ created: { id: string }[] }>(client, 'create', {
      issues: [{ title: 'Build' }, { title: 'Ship', depends_on: ['$0'] }],
    });
    const [build = '', ship = ''] = created.map(({ id }) => id);
    expect(await use(client, 'ready')).toMatchObject({ items: [{ id: build }], total: 1 });
    expect(await use(client, 'claim')).toMatchObject({
      claimed: { id: build, status: 'in_progress' },
    });
    expect(await use(client, 'close', { ids: [build], reason: 'built' })).toMatchObject({
      closed: [build],
      unblocked: [{ id: ship }],
    });
    expect(await workspace.bdJson(['show', build])).toMatchObject([
      { id: build, status: 'closed', close_reason: 'built' },
    ]);
    await client.close();
  });
});

test('a refusal reads the same as on the command line', async () => {
  const client = await connectThroughBridge('legacy');
  const text = await refusal(client, 'update', { id: 't-nope', title: 'x' });
  const { stderr, exitCode } = await workspace.bd(['update', 't-nope', '--title', 'x']);
  expect(exitCode).not.toBe(0);
  expect(text).toMatch(/^issue_not_found: no issue found matching "t-nope"\. /);
  expect(stderr).toContain('no issue found matching "t-nope"');
  await client.close();
});

test('`printf … | bd mcp` gets every answer, then ends with 0', async () => {
  const child = workspace.start(['mcp']);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const call = (id: number) =>
    JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'ready' } });
  child.stdin.end([1, 2, 3].map((id) => `${call(id)}\n`).join(''));
  const [exitCode] = (await once(child, 'close')) as [number];
  const answers = Buffer.concat(chunks).toString().trim().split('\n');
  expect(answers.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([1, 2, 3]);
  expect(exitCode).toBe(0);
});
