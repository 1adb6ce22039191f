import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqlite } from '../../src/platform/sqlite.ts';
import { workspaceKey } from '../../src/place/socket-link.ts';
import { daemonPidOf, isAlive } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
  await workspace.bdText(['init', '--prefix', 't']);
});
afterEach(() => workspace[Symbol.asyncDispose]());

/** Three people at once create issues while `accident` goes on; what they were told is what there is. */
async function createDuring(
  accident: () => Promise<void>,
  { env }: { env: Record<string, string> },
): Promise<void> {
  const over = new AbortController();
  const created: string[] = [];
  const workers = Array.from({ length: 3 }, async (_, worker) => {
    for (let index = 0; !over.signal.aborted; index += 1) {
      const title = `Issue ${worker}.${index}`;
      const run = await workspace.bd(['create', title, '--json'], { env, program: BD });
      expect(run, title).toMatchObject({ exitCode: 0, stderr: '' });
      created.push((JSON.parse(run.stdout) as { id: string }).id);
    }
  });
  await Promise.all([accident().finally(() => over.abort()), ...workers]);
  const list = ['list', '--all', '--limit', '0'];
  const issues = await workspace.bdJson<{ id: string; title: string }[]>(list);
  expect(created.length).toBeGreaterThan(0);
  expect(issues.map(({ id }) => id).sort()).toEqual(created.sort());
  expect(new Set(issues.map(({ title }) => title)).size).toBe(issues.length);
}

test('a daemon that did it, and ended before it could say so, is not repeated without one', async () => {
  await workspace.bdText(['q', 'Real']);
  await workspace.bdText(['daemon', 'stop']);
  const directory = join(workspace.runtimeDir, 'bd');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, `${workspaceKey(workspace)}-0.sock`);
  const server = createServer((socket) => {
    socket.setEncoding('utf8').once('data', (text) => {
      const { params } = JSON.parse(String(text)) as { params: { key: string } };
      const store = openSqlite(join(workspace.beadsDir, 'beads.db'));
      const answer = JSON.stringify({ issue_id: 't-done', issue: { id: 't-done', title: 'x' } });
      store
        .prepare('INSERT INTO answers (key, result) VALUES (?, ?)')
        .run(`${params.key}.1.create_issue`, answer);
      store.close();
      rmSync(join(workspace.beadsDir, 'bd.sock'));
      socket.destroy();
    });
  });
  await new Promise<void>((done) => server.listen(path, done));
  symlinkSync(path, join(workspace.beadsDir, 'bd.sock'));
  const env = { BEADS_AUTO_START_DAEMON: 'false' };
  expect(await workspace.bdText(['q', 'Once'], { env })).toBe('t-done\n');
  await new Promise((done) => server.close(done));
  expect((await workspace.bdText(['count'])).trim()).toBe('1');
});

test('where no other daemon is to be started, what was cut off is done without one', async () => {
  await workspace.bdText(['daemon', 'start']);
  const pid = daemonPidOf(workspace);
  const kill = async (): Promise<void> => {
    await eventually(async () => (await workspace.bdText(['count'])).trim() !== '0');
    process.kill(pid, 'SIGKILL');
    await eventually(() => !isAlive(pid), { what: 'its end' });
  };
  await createDuring(kill, { env: { BEADS_AUTO_START_DAEMON: 'false' } });
}, 60_000);
