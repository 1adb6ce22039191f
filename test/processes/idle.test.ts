import { readdirSync, readFileSync, statSync, utimesSync, watch } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LOOK_SPACING_MS, STORE_REST_MS, WAL_REST_BYTES_MAX } from '../../src/core/limits.ts';
import { startBareDaemon } from '../support/bare-daemon.ts';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

const IDLE_MS = 60_000;

/** No fetch falls into the test unless it asks for one. */
const LONG_MS = '600000';

let workspace: TestWorkspace;
beforeAll(async () => {
  workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
  for (const key of ['sync.fetch_active_ms', 'sync.fetch_idle_ms']) {
    await workspace.bdText(['config', 'set', key, LONG_MS, '--no-daemon']);
  }
  await workspace.bdText(['daemon', 'stop']);
  // After work V8 looks at its memory every 8 s for a while: that is its own, and hides what is ours.
  const daemon = startBareDaemon(workspace, {
    env: workspace.env,
    nodeOptions: ['--no-memory-reducer'],
  });
  expect(await daemon.firstWord).toBe('R');
});
afterAll(() => workspace[Symbol.asyncDispose]());

/** Many requests over one connection, as an editor makes them. */
async function callAll(requests: readonly { method: string; params: object }[]): Promise<void> {
  const socket = createConnection(join(workspace.beadsDir, 'bd.sock'));
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (piece: string) => (text += piece));
  for (const [id, request] of requests.entries()) {
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...request })}\n`);
  }
  await eventually(() => text.split('\n').length > requests.length, { what: 'all answers' });
  socket.destroy();
  expect(text).not.toContain('"error"');
}

/** Every file of the workspace and of the repository as it is on the disk, but not when it was read. */
function print(): Record<string, string> {
  const roots = [workspace.beadsDir, join(workspace.directory, '.git'), workspace.remote];
  const files = roots.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name)),
  );
  return Object.fromEntries(
    [...roots, ...files].map((path) => {
      const status = statSync(path, { bigint: true, throwIfNoEntry: false });
      return [path, `${status?.ino} ${status?.size} ${status?.mtimeNs} ${status?.ctimeNs}`];
    }),
  );
}

async function settled(): Promise<void> {
  await eventually(async () => {
    const { sync } = await workspace.bdJson<{ sync: { pending: number } }>(['status']);
    return sync.pending === 0;
  });
  // The last connection has ended; what is tidied up then is tidied up.
  await eventually(
    () => statSync(join(workspace.beadsDir, 'beads.db-wal')).size <= WAL_REST_BYTES_MAX,
  );
  await pause(STORE_REST_MS + 1_000);
}

/** How often a thread of the daemon was woken up; 0 where the system does not tell. */
function wakeups(): number {
  if (process.platform !== 'linux') return 0;
  const tasks = `/proc/${workspace.daemonPid()}/task`;
  return readdirSync(tasks)
    .map((task) => readFileSync(join(tasks, task, 'status'), 'utf8'))
    .reduce((sum, text) => sum + Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(text)?.[1]), 0);
}

test('after a hundred changes a daemon at rest writes nothing, says nothing and sleeps', async () => {
  const create = { method: 'create_issue', params: { issue: { title: 'One of many' } } };
  await callAll(Array.from({ length: 100 }, () => create));
  await settled();
  const before = print();
  const touched: unknown[] = [];
  const watcher = watch(workspace.beadsDir, (_event, name) => touched.push(name));
  const wokenBefore = wakeups();
  await pause(IDLE_MS);
  const woken = wakeups() - wokenBefore;
  watcher.close();
  expect(print()).toEqual(before);
  expect(touched).toEqual([]);
  // One look may fall into the minute; one every 15 s would be four.
  expect(woken).toBeLessThan(IDLE_MS / LOOK_SPACING_MS);
}, 150_000);

test('a mirror that is touched is not imported, nor written', async () => {
  // With the first look at the remote after it, the last push is known to have arrived.
  await workspace.bdText(['sync']);
  await settled();
  const mirror = join(workspace.beadsDir, 'beads.jsonl');
  const before = { ...print(), [mirror]: '' };
  const { ino } = statSync(mirror);
  for (let at = 0; at < 100; at += 1) {
    utimesSync(mirror, new Date(), new Date(Date.now() + at * 1_000));
    await pause(10);
  }
  // Whatever it would make of that is made by the time this is answered.
  await workspace.bdText(['sync']);
  await settled();
  expect({ ...print(), [mirror]: '' }).toEqual(before);
  expect(statSync(mirror).ino).toBe(ino);
}, 150_000);

test('two hundred reads change no file, with looks at the remote between them', async () => {
  await workspace.bdText(['config', 'set', 'sync.fetch_active_ms', '500']);
  await settled();
  const [issue] = await workspace.bdJson<{ id: string }[]>(['list']);
  const before = print();
  const reads = [
    ['list'],
    ['ready'],
    ['show', issue?.id ?? ''],
    ['status'],
    ['search', 'many'],
    ['count'],
    ['blocked'],
    ['info'],
    ['where'],
    ['daemon', 'status'],
    ['conflicts'],
    ['config', 'list'],
  ];
  for (const args of reads) await workspace.bdText(args);
  const get = { method: 'get_issue', params: { issue_id: issue?.id } };
  const list = { method: 'list_issues', params: {} };
  await callAll(Array.from({ length: 200 - reads.length }, (_, at) => (at % 2 === 0 ? get : list)));
  await workspace.bdText(['list', '--no-daemon']);
  await pause(3_000);
  expect(print()).toEqual(before);
}, 150_000);
