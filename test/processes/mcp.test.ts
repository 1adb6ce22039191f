import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusal, use } from '../mcp/mcp-session.ts';
import { daemonPidOf, hasRegistered } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;

async function openWorkspace(): Promise<void> {
  workspace = await createTestWorkspace({ client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
}

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

async function killDaemon(): Promise<void> {
  const pid = daemonPidOf(workspace);
  await eventually(() => hasRegistered(workspace, pid));
  process.kill(pid, 'SIGKILL');
  await eventually(() => !existsSync(`/proc/${pid}`), { what: 'its end' });
}

describe.each([
  ['legacy', 'legacy' as const],
  ['auto', 'auto' as const],
  ['2026-07-28', { pin: '2026-07-28' }],
])('the SDK’s own client through `bd mcp`, %s', (_name, era) => {
  let client: Client;
  beforeAll(async () => {
    await openWorkspace();
    client = await connectThroughBridge(era);
  });
  afterAll(async () => {
    await client.close();
    await workspace[Symbol.asyncDispose]();
  });

  test('lists the six tools, creates, finds, claims and closes an issue', async () => {
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
  });

  test('a session goes on when its daemon makes room, is killed or is stopped', async () => {
    const { total: before } = await use<{ total: number }>(client, 'ready');
    await use(client, 'create', { issues: [{ title: 'Before' }] });
    const daemons = new Set([workspace.daemonPid()]);
    const ends = [
      () => workspace.bdText(['daemon', 'reload']),
      killDaemon,
      () => workspace.bdText(['daemon', 'stop']),
    ];
    for (const [at, end] of ends.entries()) {
      await end();
      await use(client, 'create', { issues: [{ title: `After ${at}` }] });
      daemons.add(workspace.daemonPid());
    }
    expect(daemons.size).toBe(ends.length + 1);
    expect(await use(client, 'ready')).toMatchObject({ total: before + ends.length + 1 });
  });
});

test('a bridge that found no workspace serves the one that is made later', async () => {
  const other = await createTestWorkspace({ client: 'here' });
  try {
    const child = other.start(['mcp']);
    let answers = '';
    child.stdout.on('data', (piece: Buffer) => (answers += String(piece)));
    const call = (id: number) =>
      `${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'ready' } })}\n`;
    child.stdin.write(call(1));
    await eventually(() => answers.includes('no beads database found'), { what: 'the reason' });
    await other.bdText(['init', '--prefix', 'o']);
    child.stdin.end(call(2));
    const [exitCode] = (await once(child, 'close')) as [number];
    expect(exitCode).toBe(0);
    expect(JSON.parse(answers.split('\n')[1] ?? '')).toMatchObject({ id: 2, result: {} });
  } finally {
    await other[Symbol.asyncDispose]();
  }
});

describe('a bridge', () => {
  beforeAll(openWorkspace);
  afterAll(() => workspace[Symbol.asyncDispose]());

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
});
