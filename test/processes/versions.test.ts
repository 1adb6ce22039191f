import { mkdirSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VERSION } from '../../src/core/version.ts';
import { eventually } from '../support/eventually.ts';
import { copyBuild } from '../support/other-build.ts';
import {
  BD,
  createTestWorkspace,
  type Run,
  type TestWorkspace,
} from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
});
afterEach(() => workspace[Symbol.asyncDispose]());

const NEWER = '99.0.0';

/** `VERSION_TURNS=50` makes more of them. */
const TURNS = Number(process.env['VERSION_TURNS'] ?? 12);

/** Another build, in a directory of its own. */
function build(name: string, as: Parameters<typeof copyBuild>[1] = {}): string {
  const directory = join(workspace.root, name);
  mkdirSync(directory);
  return copyBuild(directory, as);
}

const done = (run: Run): string => {
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  return run.stdout.trim();
};

const quick = async (title: string, program?: string): Promise<string> =>
  done(await workspace.bd(['q', title], program === undefined ? {} : { program }));

const idsNow = async (): Promise<string[]> =>
  (await workspace.bdJson<{ id: string }[]>(['list', '--all', '--limit', '0'])).map(({ id }) => id);

const daemonNow = async () =>
  await workspace.bdJson<{ pid: number; version: string }>(['daemon', 'status']);

interface Message {
  id?: number;
  method?: string;
  result?: Record<string, unknown>;
  error?: { data: { code: string } };
}

/** A client of its own on the daemon's socket. */
async function open(): Promise<{
  messages: Message[];
  ask: (id: number, method: string, params?: object) => void;
  socket: Socket;
}> {
  const socket = createConnection(join(workspace.beadsDir, 'bd.sock'));
  await new Promise((connected) => socket.once('connect', connected));
  const messages: Message[] = [];
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    const lines = (text + piece).split('\n');
    text = lines.pop() ?? '';
    messages.push(...lines.map((line) => JSON.parse(line) as Message));
  });
  socket.on('error', () => {});
  const ask = (id: number, method: string, params: object = {}): void =>
    void socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
  return { messages, ask, socket };
}

test(`two versions that take turns ${TURNS} times: one restart, no error, no lost change`, async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const newer = build('newer', { version: NEWER });
  const created: string[] = [];
  const daemons = new Set<number | undefined>();
  for (let turn = 0; turn < TURNS; turn += 1) {
    created.push(await quick(`Issue ${turn}`, turn % 2 === 0 ? undefined : newer));
    daemons.add(workspace.daemonPid());
  }
  expect(daemons.size).toBe(2);
  expect((await idsNow()).sort()).toEqual(created.sort());
  expect(await daemonNow()).toMatchObject({ version: NEWER });
}, 90_000);

test('two versions at once: everything is done, once', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const newer = build('newer', { version: NEWER });
  await quick('First');
  const created = await Promise.all(
    Array.from({ length: 10 }, (_, at) => quick(`Issue ${at}`, at % 2 === 0 ? BD : newer)),
  );
  expect(new Set(created).size).toBe(created.length);
  expect(await idsNow()).toHaveLength(created.length + 1);
}, 60_000);

test('what runs while its daemon retires is answered once, what comes then is not begun', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const newer = build('newer', { version: NEWER });
  await quick('First');
  const running = workspace.start(['import']);
  let said = '';
  running.stderr.on('data', (piece: Buffer) => (said += String(piece)));
  const ended = new Promise((resolve) => running.once('close', resolve));
  const client = await open();
  let asked = 0;
  await eventually(async () => {
    asked += 1;
    client.ask(asked, 'daemon_status');
    const answer = await eventually(() => client.messages.find(({ id }) => id === asked));
    return answer.result?.['connections'] === 2;
  });
  const before = workspace.daemonPid();
  const later = quick('By the newer one', newer);
  await eventually(() => client.messages.some(({ method }) => method === 'going_away'), {
    what: 'going_away',
  });
  running.stdin.end('{"id":"t-in","title":"In flight","status":"open"}\n');
  expect(await ended, said).toBe(0);
  expect(said).toContain('1 created');
  await later;
  expect(workspace.daemonPid()).not.toBe(before);
  expect(await idsNow()).toHaveLength(3);
}, 60_000);

test('requests of other programs are answered or told that they were not begun', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await quick('First');
  const client = await open();
  const closed = new Promise((resolve) => client.socket.once('close', resolve));
  const count = 200;
  for (let id = 1; id <= count; id += 1) {
    if (id === count / 2) client.ask(1_000, 'retire', { reason: 'a test' });
    client.ask(id, 'create_issue', { issue: { title: `Issue ${id}` } });
  }
  await closed;
  const results = client.messages.filter(({ id, result }) => id !== 1_000 && result !== undefined);
  const refused = client.messages.filter(({ error }) => error !== undefined);
  expect(new Set(refused.map(({ error }) => error?.data.code))).toEqual(
    new Set(refused.length === 0 ? [] : ['DAEMON_RETIRING']),
  );
  expect(results.length).toBeGreaterThanOrEqual(count / 2 - 1);
  expect(await idsNow()).toHaveLength(results.length + 1);
});

test('an older bd that speaks no protocol of the daemon hears what to upgrade', async () => {
  const newer = build('newer', { version: NEWER, protocol: { min: 3, max: 3 } });
  await workspace.bdText(['init', '--prefix', 't']);
  await quick('First', newer);
  const run = await workspace.bd(['list', '--json']);
  expect(run.exitCode).toBe(5);
  expect(JSON.parse(run.stdout)).toMatchObject({ code: 'DAEMON_UNAVAILABLE' });
  expect(run.stderr).toContain(VERSION);
  expect(run.stderr).toContain(NEWER);
  expect(run.stderr).toContain(join(workspace.root, 'newer', 'dist', 'bd-daemon.js'));
  expect(await quick('Second', newer)).toMatch(/^t-/);
});

test('a daemon whose program was replaced or removed makes room for one that is there', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const first = build('first');
  await quick('First', first);
  const before = workspace.daemonPid();
  await quick('Second');
  expect(workspace.daemonPid()).toBe(before);
  rmSync(join(workspace.root, 'first'), { recursive: true });
  await quick('Third');
  expect(workspace.daemonPid()).not.toBe(before);
  await workspace.bdText(['daemon', 'stop']);
  build('first');
  await quick('Fourth', first);
  const replaced = workspace.daemonPid();
  rmSync(join(workspace.root, 'first'), { recursive: true });
  build('first');
  await quick('Fifth', first);
  expect(workspace.daemonPid()).not.toBe(replaced);
  expect(await idsNow()).toHaveLength(5);
});

test('daemon reload puts this version in place of another, and loses nothing', async () => {
  const newer = build('newer', { version: NEWER });
  await workspace.bdText(['init', '--prefix', 't']);
  await quick('First', newer);
  const before = workspace.daemonPid();
  const reload = async () => await workspace.bdJson(['daemon', 'reload']);
  expect(await reload()).toEqual({
    status: 'reloaded',
    pid: expect.any(Number),
    version: VERSION,
    previous: { pid: before, version: NEWER },
  });
  expect(workspace.daemonPid()).not.toBe(before);
  expect(await daemonNow()).toMatchObject({ pid: workspace.daemonPid(), version: VERSION });
  expect(await idsNow()).toHaveLength(1);
  await workspace.bdText(['daemon', 'stop']);
  expect(await reload()).toMatchObject({ status: 'reloaded', previous: null });
});

test('hello tells what the daemon is, also to a program that knows more', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  await quick('First');
  const { messages, ask } = await open();
  ask(1, 'hello', { protocol: [1, 9], client: { name: 'editor', version: '0.1' }, news: true });
  ask(2, 'hello', { protocol: [7, 9] });
  await eventually(() => messages.length === 2);
  const [told, refused] = messages.sort((left) => (left.id === 1 ? -1 : 1));
  expect(told?.result).toEqual({
    protocol: 2,
    instance: expect.stringMatching(/^\w+-\w+$/),
    version: VERSION,
    build: expect.stringMatching(/^[0-9a-f]{12}$/),
    schema: expect.any(Number),
    pid: workspace.daemonPid(),
    workspace: workspace.directory,
    state: 'serving',
    capabilities: expect.arrayContaining(['going_away', 'key']),
  });
  expect(refused?.error?.data.code).toBe('BAD_REQUEST');
});

test('doctor and health tell each of two versions what to do, and the older one not to restart', async () => {
  const newer = build('newer', { version: NEWER });
  await workspace.bdText(['init', '--prefix', 't']);
  const advice = async (program?: string) => {
    const as = program === undefined ? {} : { program };
    const { stdout } = await workspace.bd(['daemons', 'health', '--json'], as);
    const { issues } = JSON.parse(stdout) as {
      issues: { issue: string; daemon_version: string; recommendation: string }[];
    };
    const doctor = await workspace.bd(['doctor', '--json'], as);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { name: string; fix?: string }[] };
    return { issues, fix: checks.find(({ name }) => name === 'Daemon')?.fix };
  };
  await quick('By the older');
  expect(await advice(newer)).toMatchObject({
    issues: [{ issue: 'version_mismatch', daemon_version: VERSION }],
    fix: 'bd daemon restart',
  });
  await quick('By the newer', newer);
  const upgrade = `npm install --global beads-daemon@${NEWER}`;
  expect(await advice()).toMatchObject({
    issues: [{ issue: 'version_mismatch', daemon_version: NEWER, recommendation: upgrade }],
    fix: upgrade,
  });
});
