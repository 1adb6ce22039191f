import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  BD,
  createTestWorkspace,
  type Run,
  type TestWorkspace,
} from '../support/test-workspace.ts';

let world: TestWorkspace;
let served: string[];
beforeEach(async () => {
  served = [];
  world = await createTestWorkspace({ git: 'with-remote', client: 'here' });
});
afterEach(async () => {
  for (const cwd of served) await world.bd(['daemon', 'stop'], { cwd });
  await world[Symbol.asyncDispose]();
});

const at = (...names: string[]): string => join(world.root, ...names);

/** By URL, as git ignores `--depth` for a path. */
function clone(...options: string[]): string {
  const directory = at(`fresh${served.length}`);
  world.git('clone', '-q', ...options, `file://${world.remote}`, directory);
  served.push(directory);
  return directory;
}

/** A clone in which a person commits by hand what bd then finds. */
function cloneToChange(): string {
  const directory = at('by-hand');
  world.git('clone', '-q', world.remote, directory);
  for (const [key, value] of [
    ['user.name', 'Seed'],
    ['user.email', 'seed@example.com'],
  ] as const) {
    world.git('-C', directory, 'config', key, value);
  }
  return directory;
}

const bd = (cwd: string, args: string[], env: Record<string, string> = {}): Promise<Run> =>
  world.bd(args, { cwd, env });

/** In the first clone, without a daemon. */
const alone = (args: string[]): Promise<string> =>
  world.bdText(args, { env: { BEADS_NO_DAEMON: '1' } });

describe('a clone of a repository whose issues are on their branch', () => {
  beforeEach(async () => {
    await world.bdText(['init', '--prefix', 'kite']);
    for (const command of [['q', 'One'], ['q', 'Two'], ['sync']]) await alone(command);
  });

  test('is joined by the first command that needs issues, and shares what is done there', async () => {
    const fresh = clone();
    const config = readFileSync(join(fresh, '.git/config'), 'utf8');
    const first = await bd(fresh, ['list', '--json']);
    expect(first).toMatchObject({
      exitCode: 0,
      stderr: "joined the issues of this repository's beads-sync (2 issues) in .beads\n",
    });
    expect(JSON.parse(first.stdout)).toHaveLength(2);
    expect(await bd(fresh, ['ready'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await world.bdText(['q', 'Three'], { cwd: fresh })).toMatch(/^kite-/);
    await world.bdText(['sync'], { cwd: fresh });
    await alone(['sync']);
    const listed = JSON.parse(await alone(['list', '--json'])) as { title: string }[];
    expect(listed.map(({ title }) => title).sort()).toEqual(['One', 'Three', 'Two']);
    expect(readFileSync(join(fresh, '.git/config'), 'utf8')).toBe(config);
    expect(world.git('-C', fresh, 'status', '--porcelain')).toBe('');
  });

  test('is joined too when it was made of a part of the repository', async () => {
    for (const options of [
      ['--single-branch'],
      ['--depth', '1', '--no-single-branch'],
      ['--depth', '1'],
      ['--filter=blob:none', '--no-checkout'],
    ]) {
      const fresh = clone(...options);
      const run = await bd(fresh, ['count'], { CI: '1' });
      expect(run, options.join(' ')).toMatchObject({ exitCode: 0, stdout: '2\n' });
      expect(run.stderr).toContain('(2 issues)');
      expect(existsSync(join(fresh, '.git/shallow'))).toBe(options.includes('--depth'));
    }
  });

  test('is joined at its top, from a directory inside it, and without a daemon too', async () => {
    const fresh = clone();
    mkdirSync(join(fresh, 'src/deep'), { recursive: true });
    const run = await bd(join(fresh, 'src/deep'), ['count'], { CI: '1' });
    expect(run).toMatchObject({ exitCode: 0, stdout: '2\n' });
    expect(run.stderr).toContain('in ../../.beads');
    expect(existsSync(join(fresh, '.beads/metadata.json'))).toBe(true);
    expect(existsSync(join(fresh, '.beads/daemon.pid'))).toBe(false);
  });

  test('is joined once by first commands at once, also through MCP and in a worktree', async () => {
    const fresh = clone();
    world.git('-C', fresh, 'worktree', 'add', '-q', at('tree'));
    const runs = await Promise.all([
      ...[fresh, at('tree'), fresh, at('tree')].map((cwd) =>
        world.bd(['list', '--json'], { cwd, program: BD }),
      ),
      world.bd(['mcp'], { cwd: fresh, stdin: '', program: BD }),
    ]);
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0, 0]);
    const told = runs.map(({ stderr }) => stderr).filter((text) => text.includes('joined'));
    expect(told).toHaveLength(1);
    expect(existsSync(at('tree/.beads'))).toBe(false);
  });

  test('is left alone by what needs no issues, names others, or was told to', async () => {
    const fresh = clone();
    for (const [args, env] of [
      [['where'], {}],
      [['list', '--help'], {}],
      [['frobnicate'], {}],
      [['list'], { BEADS_NO_AUTO_INIT: '1' }],
      [['list'], { BEADS_DIR: '/nowhere/.beads' }],
      [['--db', '/nowhere/x.db', 'list'], {}],
      [['daemon', 'status'], {}],
    ] as const) {
      await bd(fresh, [...args], env);
      expect(existsSync(join(fresh, '.beads')), args.join(' ')).toBe(false);
    }
    expect(world.git('-C', fresh, 'for-each-ref', 'refs/bd')).toBe('');
  });

  test('of a single branch says why when the remote is out of reach', async () => {
    const fresh = clone('--single-branch');
    renameSync(world.remote, `${world.remote}.away`);
    const run = await bd(fresh, ['list', '--json']);
    renameSync(`${world.remote}.away`, world.remote);
    expect(run.exitCode).toBe(1);
    expect(JSON.parse(run.stdout)).toMatchObject({ code: 'NO_WORKSPACE' });
    expect(run.stderr).toMatch(/no beads database found: origin cannot be asked .*remote\.git/);
    expect(existsSync(join(fresh, '.beads'))).toBe(false);
  });

  test('says why when its branch has a format that only a newer bd knows', async () => {
    const seed = cloneToChange();
    world.git('-C', seed, 'fetch', '-q', 'origin', 'beads-sync');
    world.git('-C', seed, 'checkout', '-q', '--detach', 'FETCH_HEAD');
    writeFileSync(join(seed, '.beads/format.json'), '{"format":99,"project_id":"x"}\n');
    world.git('-C', seed, 'commit', '-qam', 'Newer');
    world.git('-C', seed, 'push', '-q', 'origin', 'HEAD:beads-sync');
    const fresh = clone();
    const run = await bd(fresh, ['list']);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(/no beads database found: .*format 99[^]*Upgrade/);
    expect(existsSync(join(fresh, '.beads'))).toBe(false);
  });
});

test('a clone of a repository without issues is told to run bd init, and nothing is made', async () => {
  for (const options of [[], ['--single-branch']]) {
    const fresh = clone(...options);
    const run = await bd(fresh, ['list']);
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    expect(run.stderr).toMatch(/^Error: no beads database found\nRun `bd init`/);
    expect(existsSync(join(fresh, '.beads'))).toBe(false);
  }
});

describe('a repository that tracks the classic tool’s file', () => {
  const LINE = {
    id: 'kite-a1',
    title: 'Old',
    status: 'open',
    priority: 2,
    issue_type: 'task',
    created_at: '2025-01-01T00:00:00Z',
    updated_at: '2025-01-01T00:00:00Z',
  };

  function commitClassic(files: Record<string, string>): void {
    const seed = cloneToChange();
    mkdirSync(join(seed, '.beads'));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(seed, '.beads', name), text);
    }
    world.git('-C', seed, 'add', '-f', '.beads');
    world.git('-C', seed, 'commit', '-qm', 'Issues');
    world.git('-C', seed, 'push', '-q', 'origin', 'HEAD:main');
  }

  test.each([
    ['with metadata', { 'metadata.json': '{"database":"beads.db","jsonl_export":"issues.jsonl"}' }],
    ['without', {}],
  ])('opens in mode worktree by itself, %s', async (_name, files) => {
    commitClassic({ 'issues.jsonl': `${JSON.stringify(LINE)}\n`, ...files });
    const fresh = clone();
    const runs = await Promise.all(
      [1, 2].map(() => world.bd(['list', '--json'], { cwd: fresh, program: BD })),
    );
    for (const { stdout } of runs) expect(JSON.parse(stdout)).toHaveLength(1);
    const told = runs.map(({ stderr }) => stderr).join('');
    expect(told).toMatch(/^opened the issues that git tracks.*\(1 issue\).*bd migrate --to branch/);
    expect(told.match(/opened/g)).toHaveLength(1);
    expect(told).not.toContain('Warning');
    const status = (): string =>
      world.git('-C', fresh, 'status', '--porcelain', '.beads/issues.jsonl');
    // Looking at issues changes nothing that they commit; changing one does.
    expect(status()).toBe('');
    expect(await world.bdText(['q', 'New'], { cwd: fresh })).toMatch(/^kite-/);
    await world.bdText(['sync'], { cwd: fresh });
    expect(status()).toBe(' M .beads/issues.jsonl');
    expect(readFileSync(join(fresh, '.beads/issues.jsonl'), 'utf8')).toContain('"New"');
    expect((await bd(fresh, ['config', 'get', 'sync.mode'])).stdout).toContain('worktree');
    expect(world.git('ls-remote', '--heads', 'origin')).not.toContain('beads-sync');
  });

  test('that git does not track is no reason to make anything', async () => {
    const fresh = clone();
    mkdirSync(join(fresh, '.beads'));
    writeFileSync(join(fresh, '.beads/issues.jsonl'), `${JSON.stringify(LINE)}\n`);
    expect(await bd(fresh, ['list'])).toMatchObject({ exitCode: 1 });
    expect(existsSync(join(fresh, '.beads/metadata.json'))).toBe(false);
  });
});
