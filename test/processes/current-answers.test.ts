import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { use } from '../mcp/mcp-session.ts';
import {
  BD,
  createTestWorkspace,
  type TestProject,
  type TestWorkspace,
} from '../support/test-workspace.ts';

/** How often each race is run. */
const ROUNDS = Number(process.env['CURRENT_ANSWERS_ROUNDS'] ?? 3);

const DIRECT = { BEADS_NO_DAEMON: '1' };
const PROCESSES = [
  ['with a daemon', {}],
  ['without daemon', DIRECT],
] as const;

interface Shown {
  title: string;
  status: string;
}

describe.each(['branch', 'worktree', 'checked-out'] as const)('in mode %s', (mode) => {
  let world: TestWorkspace;
  let mirror: string;
  const isTracked = mode !== 'branch';

  beforeAll(async () => {
    world = await createTestWorkspace({ git: 'with-remote', clones: 2, client: 'here' });
    world.git('push', '-q', '-u', 'origin', 'HEAD:main');
    await world.bdText(['init', '--prefix', 't', '--mode', mode]);
    await world.bdText(['q', 'First'], { env: DIRECT });
    if (isTracked) {
      world.git('add', '.beads');
      world.git('commit', '-q', '-m', 'Settings');
      world.git('push', '-q');
    }
    mirror = join(world.beadsDir, 'beads.jsonl');
  });
  afterAll(() => world[Symbol.asyncDispose]());

  const show = async (id: string, env: Record<string, string>): Promise<Shown> => {
    const [shown] = await world.bdJson<Shown[]>(['show', id], { env });
    if (shown === undefined) throw new Error(`bd show ${id} printed no issue`);
    return shown;
  };
  const create = (title: string, env: Record<string, string>): Promise<string> =>
    world.bdText(['q', title], { env }).then((id) => id.trim());

  test('the same over JSON-RPC and through MCP', async () => {
    const id = await create('Title 0', {});
    await world.bdText(['sync', '--flush-only']);
    const rpc = openRpc(join(world.beadsDir, 'bd.sock'));
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [BD, 'mcp'],
        cwd: world.directory,
        env: { ...world.env },
      }),
    );
    const change = (title: string): void =>
      writeFileSync(mirror, readFileSync(mirror, 'utf8').replace(/Title \d+/, title));
    for (let round = 1; round <= ROUNDS; round++) {
      change(`Title ${round}`);
      expect(await rpc.call('get_issue', { issue_id: id })).toMatchObject({
        issue: { title: `Title ${round}` },
      });
      change(`Title 1${round}`);
      const shown = await use<{ issues: Shown[] }>(client, 'show', { ids: [id] });
      expect(shown).toMatchObject({ issues: [{ title: `Title 1${round}` }] });
      expect(shown).not.toHaveProperty('stale');
      if (!isTracked) continue;
      await use(client, 'update', { id, notes: `Round ${round}` });
      expect(readFileSync(mirror, 'utf8')).toContain(`"Round ${round}"`);
      await rpc.call('add_label', { issue_id: id, label: `l${round}` });
      expect(readFileSync(mirror, 'utf8')).toContain(`"l${round}"`);
    }
    renameSync(mirror, `${mirror}.away`);
    mkdirSync(mirror);
    expect(await rpc.call('get_issue', { issue_id: id })).toMatchObject({ stale: true });
    expect(await use(client, 'show', { ids: [id] })).toMatchObject({ stale: true });
    rmdirSync(mirror);
    renameSync(`${mirror}.away`, mirror);
    rpc.close();
    await client.close();
  });

  describe.each(PROCESSES)('%s', (name, env) => {
    beforeAll(async () => {
      // Without this the command finds the daemon of the commands before.
      if (env === DIRECT) await world.bdText(['daemon', 'stop']);
    });

    test('what an editor writes into the mirror is in the next answer', async () => {
      const titleAt = (round: number): string => `Edited ${name} ${round}`;
      const id = await create(titleAt(0), env);
      await world.bdText(['sync', '--flush-only'], { env });
      for (let round = 0; round < ROUNDS; round++) {
        const content = readFileSync(mirror, 'utf8');
        const next = content.replace(titleAt(round), titleAt(round + 1));
        if (round % 2 === 0) writeFileSync(mirror, next);
        else {
          writeFileSync(`${mirror}.new`, next);
          renameSync(`${mirror}.new`, mirror);
        }
        expect(await show(id, env)).toMatchObject({ title: titleAt(round + 1) });
      }
    });

    test.runIf(isTracked)('a change is in the mirror when its command returns', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const id = await create(`Round ${round}`, env);
        expect(lineOf(mirror, id)).toMatchObject({ status: 'open' });
        await world.bdText(['close', id], { env });
        expect(lineOf(mirror, id)).toMatchObject({ status: 'closed' });
        // In the other mode bd commits it by itself, soon.
        if (mode === 'worktree') world.git('commit', '-qam', 'done');
      }
    });

    test.runIf(mode === 'worktree')('what git brings is in the next answer', async () => {
      const [, other] = world.clones as [TestProject, TestProject];
      world.git('add', '-A');
      if (world.git('status', '--porcelain') !== '') world.git('commit', '-qam', 'Mine');
      world.git('push', '-q');
      for (let round = 0; round < ROUNDS; round++) {
        other.git('pull', '-q');
        const id = (await other.bdText(['q', `Pulled ${round}`], { env: DIRECT })).trim();
        other.git('commit', '-qam', 'Theirs');
        other.git('push', '-q');
        world.git('pull', '-q');
        expect(await show(id, env)).toMatchObject({ title: `Pulled ${round}` });
      }
    });

    test('a mirror that cannot be read stops no command, and is mentioned once', async () => {
      const id = await create('Safe', env);
      await world.bdText(['sync', '--flush-only'], { env });
      renameSync(mirror, `${mirror}.away`);
      mkdirSync(mirror);
      const shown = await world.bd(['show', id, '--json'], { env });
      rmdirSync(mirror);
      renameSync(`${mirror}.away`, mirror);
      expect(JSON.parse(shown.stdout)).toMatchObject([{ id, title: 'Safe' }]);
      expect(JSON.parse(shown.stdout)[0]).not.toHaveProperty('stale');
      expect(shown.exitCode).toBe(0);
      expect(shown.stderr).toMatch(
        /^Warning: this answer may be old: cannot bring .*beads\.jsonl up to date: .*\n$/,
      );
    });
  });
});

/** One JSON-RPC connection that stays open. */
function openRpc(path: string) {
  const socket = createConnection(path);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  let lastId = 0;
  return {
    async call(method: string, params: object): Promise<unknown> {
      const id = ++lastId;
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
      const { value } = (await lines.next()) as { value: string };
      const answer = JSON.parse(value) as { id: number; result?: unknown; error?: unknown };
      if (answer.id !== id || answer.error !== undefined) throw new Error(value);
      return answer.result;
    },
    close: () => socket.destroy(),
  };
}

function lineOf(mirror: string, id: string): { status: string } | undefined {
  return readFileSync(mirror, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; status: string })
    .find((issue) => issue.id === id);
}

/** A workspace with two issues that are shared, and no daemon. */
async function createShared(): Promise<TestWorkspace> {
  const world = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  for (const command of [['init', '--prefix', 't'], ['q', 'One'], ['q', 'Two'], ['sync']]) {
    await world.bdText(command, { env: DIRECT });
  }
  return world;
}

function loseIssues({ beadsDir }: TestWorkspace): void {
  for (const name of readdirSync(beadsDir)) {
    if (/^beads\.(db|jsonl)/.test(name)) rmSync(join(beadsDir, name));
  }
}

describe('a store that has nothing yet', () => {
  test.each([
    ['with a daemon', {}],
    ['without daemon', DIRECT],
  ])('is filled before the first answer after a loss, %s', async (_name, env) => {
    await using world = await createShared();
    // The rebuild is local: it needs no network.
    renameSync(world.remote, `${world.remote}.away`);
    for (let round = 0; round < ROUNDS; round++) {
      await world.bdText(['daemon', 'stop']);
      loseIssues(world);
      const first = await world.bd(['list', '--json'], { env });
      expect(first).toMatchObject({ exitCode: 0, stderr: '' });
      expect(titlesOf(first.stdout)).toEqual(['One', 'Two']);
    }
  });

  test.each([
    ['with a daemon', {}],
    ['without daemon', DIRECT],
  ])('is filled in a clone that has the settings with it, %s', async (_name, env) => {
    await using world = await createShared();
    for (const name of ['metadata.json', 'config.yaml']) world.git('add', '-f', `.beads/${name}`);
    world.git('commit', '-qm', 'Settings');
    world.git('push', '-q', 'origin', 'HEAD:main');
    const cwd = join(world.root, 'fresh');
    world.git('clone', '-q', `file://${world.remote}`, cwd);
    renameSync(world.remote, `${world.remote}.away`);
    const first = await world.bd(['list', '--json'], { env, cwd });
    await world.bd(['daemon', 'stop'], { cwd });
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(titlesOf(first.stdout)).toEqual(['One', 'Two']);
  });

  test('says that its answer may be old while the repository’s issues cannot be read', async () => {
    await using world = await createShared();
    loseIssues(world);
    const metadata = join(world.beadsDir, 'metadata.json');
    const settings = JSON.parse(readFileSync(metadata, 'utf8')) as { project_id: string };
    const other = { ...settings, project_id: '11111111-2222-4333-8444-555555555555' };
    writeFileSync(metadata, JSON.stringify(other));
    for (const env of [{}, DIRECT]) {
      const first = await world.bd(['list'], { env });
      expect(first.stderr).toMatch(/^Note: this answer may be old/);
    }
  });
});

const titlesOf = (stdout: string): string[] =>
  (JSON.parse(stdout) as Shown[]).map(({ title }) => title).toSorted();
