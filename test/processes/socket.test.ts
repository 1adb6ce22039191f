import { spawn } from 'node:child_process';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createMessageConnection,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-jsonrpc/node';
import { eventually } from '../support/eventually.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
  await workspace.bdText(['daemon', 'start']);
});
afterAll(() => workspace[Symbol.asyncDispose]());

const open = (): Socket => createConnection(join(workspace.beadsDir, 'bd.sock'));

/** What `nc -U` would show: sends, ends its side, and reads to the end. */
async function netcat(text: string | Uint8Array): Promise<Record<string, unknown>[]> {
  const socket = createConnection({
    path: join(workspace.beadsDir, 'bd.sock'),
    allowHalfOpen: true,
  });
  let answer = '';
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => (answer += piece));
  socket.on('error', () => {});
  const end = new Promise((done) => socket.once('end', done).once('close', done));
  socket.end(text);
  await end;
  socket.destroy();
  return answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a line sent to the link is answered', async () => {
  expect(await netcat('{"jsonrpc":"2.0","method":"ping","id":1}\n')).toMatchObject([
    {
      id: 1,
      result: { message: 'pong', pid: workspace.daemonPid(), workspace: workspace.directory },
    },
  ]);
});

test.each([
  ['no JSON', '{nonsense}\n', -32_700],
  ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"nonsense"}\n', -32_601],
  [
    'wrong parameters',
    '{"jsonrpc":"2.0","id":1,"method":"get_issue","params":{"issue":1}}\n',
    1003,
  ],
  [
    'wrong parameters for the daemon',
    '{"jsonrpc":"2.0","id":1,"method":"shutdown","params":{"now":true}}\n',
    1003,
  ],
  ['a line of 20 MB', Buffer.alloc(20_000_000, '{'), 1009],
])('%s gets an error, and the daemon goes on', async (_what, text, code) => {
  const [answer] = await netcat(text);
  expect(answer).toMatchObject({
    error: { code, data: { remedy: expect.stringMatching(/\w{3}/) } },
  });
  expect(await netcat('{"jsonrpc":"2.0","method":"ping","id":2}\n')).toMatchObject([{ id: 2 }]);
});

test('both framings serve the same operations on the same issues', async () => {
  const socket = open();
  const client = createMessageConnection(
    new StreamMessageReader(socket),
    new StreamMessageWriter(socket),
  );
  client.listen();
  const { issue_id: id } = await client.sendRequest<{ issue_id: string }>('create_issue', {
    issue: { title: 'Over LSP framing' },
  });
  const request = { jsonrpc: '2.0', id: 1, method: 'get_issue', params: { issue_id: id } };
  expect(await netcat(`${JSON.stringify(request)}\n`)).toMatchObject([
    { result: { issue: { id, title: 'Over LSP framing' } } },
  ]);
  await expect(client.sendRequest('get_issue', { issue_id: 't-none' })).rejects.toMatchObject({
    code: 1001,
    data: { code: 'ISSUE_NOT_FOUND' },
  });
  client.dispose();
  socket.destroy();
});

test('a command reads standard input of the client that sent it', async () => {
  const lines = [
    {
      id: 't-in1',
      title: 'From ünput 𝄞',
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:00:00Z',
      issue_type: 'task',
      status: 'open',
      priority: 1,
    },
  ].map((issue) => `${JSON.stringify({ ...issue, description: '𝄞'.repeat(400_000) })}\n`);
  await workspace.bdText(['import'], { stdin: lines.join(''), program: BD });
  const [issue] = await workspace.bdJson<{ title: string; description: string }[]>(
    ['show', 't-in1'],
    { program: BD },
  );
  expect(issue?.title).toBe('From ünput 𝄞');
  // A long answer in many pieces, none of them cut inside a character.
  expect(issue?.description).toBe('𝄞'.repeat(400_000));
});

test('a reader that has seen enough ends the command quietly', async () => {
  const child = spawn(
    'sh',
    ['-c', `"$0" "$1" show t-in1 --json | head -c 10; true`, process.execPath, BD],
    {
      cwd: workspace.directory,
      env: workspace.env,
    },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece) => (stdout += String(piece)));
  child.stderr.on('data', (piece) => (stderr += String(piece)));
  await new Promise((done) => child.once('close', done));
  expect(stderr).toBe('');
  expect(stdout).toHaveLength(10);
});

test('shutdown answers first, and running requests are finished', async () => {
  const pid = workspace.daemonPid();
  const answers = await netcat(
    '{"jsonrpc":"2.0","id":1,"method":"create_issue","params":{"issue":{"title":"Last"}}}\n{"jsonrpc":"2.0","id":2,"method":"shutdown"}\n',
  );
  const ids = answers.flatMap(({ id, method }) => (method === 'going_away' ? [] : [id]));
  expect(new Set(ids)).toEqual(new Set([1, 2]));
  expect(answers.every((answer) => answer['error'] === undefined)).toBe(true);
  await eventually(async () => {
    const status = await workspace.bdJson<{ status: string }>(['daemon', 'status']);
    return status.status === 'not_running';
  });
  expect(await workspace.bdText(['list'])).toContain('Last');
  expect(workspace.daemonPid()).not.toBe(pid);
});

test('the bridge carries MCP lines, and says what is wrong where there is no workspace', async () => {
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-06-18',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    },
  };
  const served = await workspace.bd(['mcp'], {
    stdin: `${JSON.stringify(initialize)}\n`,
    program: BD,
  });
  expect(served.exitCode).toBe(0);
  expect(JSON.parse(served.stdout)).toMatchObject({
    id: 1,
    result: { serverInfo: { name: 'beads' } },
  });
  const lost = await workspace.bd(['mcp'], {
    stdin: `${JSON.stringify(initialize)}\n`,
    cwd: workspace.home,
    program: BD,
  });
  expect(JSON.parse(lost.stdout)).toMatchObject({
    id: 1,
    error: {
      message: 'no beads database found',
      data: { remedy: expect.stringContaining('bd init') },
    },
  });
  expect(lost.exitCode).toBe(1);
});
