import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqlite } from '../../src/platform/sqlite.ts';
import { isAlive } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
let stopped: number | undefined;

beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  stopped = undefined;
});
afterEach(async () => {
  // No file names it any more, so that nobody else would end it.
  if (stopped !== undefined && isAlive(stopped)) process.kill(stopped, 'SIGKILL');
  await workspace[Symbol.asyncDispose]();
});

/** Between two transactions: in the midst of one it would keep everybody else from the store. */
async function standStill(pid: number): Promise<void> {
  const store = openSqlite(join(workspace.beadsDir, 'beads.db'));
  await eventually(async () => {
    process.kill(pid, 'SIGSTOP');
    await eventually(() => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')));
    try {
      store.exec('BEGIN IMMEDIATE; ROLLBACK');
      return true;
    } catch (error) {
      process.kill(pid, 'SIGCONT');
      throw error;
    }
  });
  store.close();
}

test('a daemon that stood still while its lock was deleted and another one led writes nothing more', async () => {
  await workspace.bdText(['init', '--prefix', 't']);
  const before = (await workspace.bdText(['q', 'Before'])).trim();
  stopped = workspace.daemonPid();
  if (stopped === undefined) throw new Error('no daemon');
  const client = createConnection(join(workspace.beadsDir, 'bd.sock'));
  let answers = '';
  client.on('error', () => {}); // It may go with its daemon.
  client.on('data', (chunk) => (answers += String(chunk)));
  client.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
  await eventually(() => answers.includes('\n'));
  await standStill(stopped);
  const request = { jsonrpc: '2.0', id: 2, method: 'create_issue' };
  client.write(`${JSON.stringify({ ...request, params: { issue: { title: 'Too late' } } })}\n`);
  for (const name of ['daemon.lock', 'bd.sock', 'daemon.pid']) {
    rmSync(join(workspace.beadsDir, name), { force: true });
  }
  const during = (await workspace.bdText(['q', 'During'])).trim();
  const leader = workspace.daemonPid();
  expect(leader).not.toBe(stopped);
  process.kill(stopped, 'SIGCONT');
  await eventually(() => answers.includes('"id":2'), { what: 'the answer to the late request' });
  expect(answers).toContain('DAEMON_RETIRING');
  const pid = stopped;
  await eventually(() => !isAlive(pid), { deadlineMs: 40_000, what: 'the end of the former' });
  expect(workspace.daemonPid(), 'its successor is found').toBe(leader);
  expect(existsSync(join(workspace.beadsDir, 'bd.sock'))).toBe(true);
  const after = (await workspace.bdText(['q', 'After'])).trim();
  const ids = [before, during, after];
  expect(await workspace.bdJson(['sync'])).toMatchObject({ state: 'ok', pending: 0 });
  const listed = await workspace.bdJson<{ id: string }[]>(['list', '--all']);
  expect(new Set(listed.map(({ id }) => id))).toEqual(new Set(ids));
  const mirror = readFileSync(join(workspace.beadsDir, 'beads.jsonl'), 'utf8');
  const shared = workspace.git('show', 'refs/bd/sync:.beads/issues.jsonl');
  for (const id of ids) {
    expect(mirror).toContain(id);
    expect(shared).toContain(id);
  }
  await workspace.bdText(['daemon', 'stop']);
  await eventually(() => leader !== undefined && !isAlive(leader));
  expect(await workspace.bdText(['list', '--no-daemon'])).toContain(after);
}, 80_000);
