import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeState } from '../../src/core/causal/causal-line.ts';
import { decodeLine } from '../../src/core/causal/decode-line.ts';
import type { IssueState } from '../../src/core/causal/issue-state.ts';
import type { IssueId } from '../../src/core/issue-id.ts';
import { classicPart, created, put, shown, write } from '../core/causal/state.ts';
import {
  BD,
  createTestWorkspace,
  type TestProject,
  type TestWorkspace,
} from '../support/test-workspace.ts';
import { REAL_GIT } from '../support/real-git.ts';

const MIRROR = '.beads/issues.jsonl';
const IDS = ['a-1', 'a-2', 'a-3', 'a-4'] as const;

type Board = Readonly<Record<string, IssueState>>;

const BEFORE: Board = Object.fromEntries(
  IDS.map((id) => [id, { ...created({ id }), id: id as IssueId }]),
);

/** What two people did on their branches: to one issue both, to others alone, and a new one each. */
const MIA: Board = edited('mia', { 'a-1': 'title', 'a-2': 'title', 'm-1': 'title' });
const LEE: Board = edited('lee', { 'a-1': 'notes', 'a-3': 'title', 'l-1': 'title' });

function edited(who: string, changes: Readonly<Record<string, string>>): Board {
  const after = { ...BEFORE };
  for (const [id, key] of Object.entries(changes)) {
    const issue = after[id] ?? { ...created({ id }), id: id as IssueId };
    after[id] = write(issue, `${who}xxx`, 1, put(key, `${key} by ${who}`));
  }
  return after;
}

type Spell = (state: IssueState) => string;

const SPELLINGS: Readonly<Record<string, Spell>> = {
  sealed: encodeState,
  classic: (state) => classicPart(encodeState(state)),
};

function save(world: TestWorkspace, board: Board, spell: Spell): void {
  const lines = Object.entries(board)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, state]) => `${spell(state)}\n`);
  writeFileSync(join(world.directory, MIRROR), lines.join(''));
}

function commit(world: TestWorkspace, message: string): void {
  world.git('add', '.beads');
  world.git('commit', '-q', '-m', message);
}

/** A repository on the branch `mia`; `lee` has gone another way from `main`. */
async function createBranches(spell: Spell): Promise<TestWorkspace> {
  const world = await createTestWorkspace({ client: 'here' });
  mkdirSync(world.beadsDir);
  writeFileSync(join(world.beadsDir, '.gitattributes'), '*.jsonl merge=beads text eol=lf\n');
  world.git('config', 'merge.beads.driver', `'${process.execPath}' '${BD}' merge %O %A %B`);
  save(world, BEFORE, spell);
  commit(world, 'before');
  world.git('branch', 'lee');
  world.git('checkout', '-q', '-b', 'mia');
  save(world, MIA, spell);
  commit(world, 'mia');
  world.git('checkout', '-q', 'lee');
  save(world, LEE, spell);
  commit(world, 'lee');
  world.git('checkout', '-q', 'mia');
  return world;
}

function readBoard(world: TestWorkspace): unknown {
  const lines = readFileSync(join(world.directory, MIRROR), 'utf8').split('\n').slice(0, -1);
  const issues = lines.map((line) => {
    const decoded = decodeLine(line, 0);
    if (decoded.kind === 'unreadable') throw new Error(line);
    return decoded.kind === 'sealed' ? shown(decoded.state) : decoded.issue;
  });
  return issues.map(({ id, title, notes }) => [id, title, notes]);
}

const BOTH = [
  ['a-1', 'title by mia', 'notes by lee'],
  ['a-2', 'title by mia', undefined],
  ['a-3', 'title by lee', undefined],
  ['a-4', 'first', undefined],
  ['l-1', 'title by lee', undefined],
  ['m-1', 'title by mia', undefined],
];

describe.each(Object.entries(SPELLINGS))('with %s lines', (_name, spell) => {
  test.each([
    ['merge', (world: TestWorkspace) => world.git('merge', '-q', '--no-edit', 'lee')],
    ['rebase', (world: TestWorkspace) => world.git('rebase', '-q', 'lee')],
    ['cherry-pick', (world: TestWorkspace) => world.git('cherry-pick', 'lee')],
    [
      'stash pop',
      (world: TestWorkspace) => {
        world.git('checkout', '-q', 'main');
        save(world, LEE, spell);
        world.git('stash', '-q');
        world.git('checkout', '-q', 'mia');
        world.git('stash', 'pop', '-q');
      },
    ],
  ])('git %s keeps what both did, without a conflict', async (_command, act) => {
    await using world = await createBranches(spell);
    act(world);
    expect(readBoard(world)).toEqual(BOTH);
    expect(world.git('ls-files', '--unmerged')).toBe('');
    expect(readdirSync(world.beadsDir).sort()).toEqual(['.gitattributes', 'issues.jsonl']);
  });
});

test('a line that cannot be read makes a conflict, and every line is there', async () => {
  await using world = await createBranches(encodeState);
  const path = join(world.directory, MIRROR);
  writeFileSync(path, `${readFileSync(path, 'utf8')}{"id":"cut`);
  commit(world, 'cut');
  expect(() => world.git('merge', '-q', '--no-edit', 'lee')).toThrow(/line 6: not JSON/);
  expect(world.git('diff', '--name-only', '--diff-filter=U')).toBe(MIRROR);
  const content = readFileSync(path, 'utf8');
  expect(content).toContain('\n{"id":"cut\n');
  expect(content).toContain('notes by lee');
});

test('it needs no workspace, no store, and nothing of git’s environment', async () => {
  await using world = await createTestWorkspace({ git: 'none', client: 'here' });
  const guard = join(world.root, 'guard.cjs');
  writeFileSync(
    guard,
    `const Module = require('node:module');
     const load = Module._load;
     Module._load = function (name, ...rest) {
       if (/better-sqlite3|simple-git|node:sqlite/.test(name)) throw new Error('loads ' + name);
       return load.call(this, name, ...rest);
     };`,
  );
  const env = {
    NODE_OPTIONS: `--require ${guard}`,
    GIT_DIR: '/nowhere',
    GIT_INDEX_FILE: '/nowhere/index',
    BEADS_DIR: '/nowhere',
  };
  for (const [name, board] of Object.entries({ base: BEFORE, ours: MIA, theirs: LEE })) {
    const lines = Object.values(board).map((state) => `${encodeState(state)}\n`);
    writeFileSync(join(world.directory, name), lines.join(''));
  }
  const run = await world.bd(['merge', 'base', 'ours', 'theirs'], { env, program: BD });
  expect(run).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  expect(readFileSync(join(world.directory, 'ours'), 'utf8')).toContain('notes by lee');
  expect(readdirSync(world.directory).sort()).toEqual(['base', 'ours', 'theirs']);
  expect(existsSync(world.beadsDir)).toBe(false);
  // The guard is one.
  const init = await world.bd(['init'], {
    env: { NODE_OPTIONS: env.NODE_OPTIONS },
    program: BD,
  });
  expect(init.stderr).toContain('loads better-sqlite3');
});

test('two clones whose people commit their issues: init sets all up, pull merges what both did', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', clones: 2, client: 'here' });
  const [mia, lee] = world.clones as [TestProject, TestProject];
  const bin = join(world.root, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'bd'), `#!/bin/sh\nexec '${process.execPath}' '${BD}' "$@"\n`);
  chmodSync(join(bin, 'bd'), 0o755);
  const env = { ...world.env, PATH: `${bin}:${world.env['PATH']}` };
  const git = ({ directory }: TestProject, ...args: string[]): string =>
    execFileSync(REAL_GIT, args, { cwd: directory, env, encoding: 'utf8', stdio: 'pipe' }).trim();
  /** Without daemon: what a command did is in the file when it has ended. */
  const bd = async (at: TestProject, ...args: string[]): Promise<string> =>
    (await at.bdText(args, { env: { BEADS_NO_DAEMON: '1' } })).trim();
  const commitAll = (at: TestProject): void => {
    git(at, 'add', '-A');
    git(at, 'commit', '-q', '-m', 'Issues');
  };

  await bd(mia, 'init', '--prefix', 't', '--mode', 'worktree');
  const shared = await bd(mia, 'q', 'Shared');
  commitAll(mia);
  git(mia, 'push', '-q', 'origin', 'HEAD:main');
  git(lee, 'pull', '-q', 'origin', 'main');
  expect(git(lee, 'config', '--default', '', '--get', 'merge.beads.driver')).toBe('');
  expect(await bd(lee, 'init')).toContain('set merge.beads.driver in .git/config');
  expect(git(lee, 'status', '--porcelain')).toBe('');
  expect((await lee.bd(['init'], { env: { BEADS_NO_DAEMON: '1' } })).exitCode).toBe(4);

  await bd(mia, 'update', shared, '--title', 'Renamed by mia');
  const hers = await bd(mia, 'q', 'Hers');
  commitAll(mia);
  git(mia, 'push', '-q', 'origin', 'HEAD:main');
  await bd(lee, 'update', shared, '--priority', '0');
  const his = await bd(lee, 'q', 'His');
  commitAll(lee);
  git(lee, 'pull', '-q', '--no-rebase', '--no-edit', 'origin', 'main');

  expect(git(lee, 'status', '--porcelain')).toBe('');
  const content = readFileSync(join(lee.beadsDir, 'beads.jsonl'), 'utf8');
  const lines = content.split('\n').slice(0, -1);
  expect(lines.map((line) => (JSON.parse(line) as { id: string }).id).sort()).toEqual(
    [shared, hers, his].sort(),
  );
  expect(JSON.parse(lines.find((line) => line.includes(`"${shared}"`)) ?? '')).toMatchObject({
    title: 'Renamed by mia',
    priority: 0,
  });
});

describe('the driver that init sets, where git finds as bd', () => {
  /** On `mia`, whose issues lie apart from those that `lee` changed but for `a-1`. */
  async function mergeFinding(
    bd: string | undefined,
    changes: { mia: Board; lee: Board },
  ): Promise<{ world: TestWorkspace; exitCode: number; content: string }> {
    const world = await createTestWorkspace({ client: 'here' });
    await world.bdText(['init', '--mode', 'worktree', '--prefix', 'a'], {
      env: { BEADS_NO_DAEMON: '1' },
    });
    rmSync(join(world.beadsDir, 'beads.db'));
    const mirror = join(world.beadsDir, 'beads.jsonl');
    const commitBoard = (branch: string, board: Board): void => {
      world.git('checkout', '-q', '-B', branch, ...(branch === 'main' ? [] : ['main']));
      const lines = Object.keys(board)
        .sort()
        .map((id) => `${encodeState(board[id]!)}\n`);
      writeFileSync(mirror, lines.join(''));
      commit(world, branch);
    };
    commitBoard('main', BEFORE);
    commitBoard('lee', changes.lee);
    commitBoard('mia', changes.mia);
    const bin = join(world.root, 'bin');
    mkdirSync(bin);
    if (bd !== undefined) writeFileSync(join(bin, 'bd'), `#!/bin/sh\n${bd}\n`, { mode: 0o755 });
    const { status } = spawnSync('git', ['merge', '-q', '--no-edit', 'lee'], {
      cwd: world.directory,
      env: { ...world.env, PATH: `${bin}:/usr/bin:/bin` },
    });
    return { world, exitCode: status ?? -1, content: readFileSync(mirror, 'utf8') };
  }

  const apart = { mia: edited('mia', { 'a-1': 'title' }), lee: edited('lee', { 'a-4': 'notes' }) };
  const together = { mia: MIA, lee: LEE };
  const real = `exec '${process.execPath}' '${BD}' "$@"`;
  const BROKEN = [
    ['none', undefined],
    ['one whose program is gone', `exec '${process.execPath}' /nowhere/bd.js "$@"`],
    ['one without its interpreter', 'exec /nowhere/node "$@"'],
    ['another program', 'echo "Error: accepts 4 arg(s), received 3" >&2; exit 1'],
    ['one that is killed', 'kill -9 $$'],
  ] as const;

  test.each(BROKEN)(
    '%s: both sides stand between markers, and bd joins them',
    async (_name, bd) => {
      const { world, exitCode, content } = await mergeFinding(bd, together);
      await using _ = world;
      expect(exitCode).toBe(1);
      expect(content).toMatch(
        /<{7} ours\n[^]*title by mia[^]*={7}\n[^]*notes by lee[^]*>{7} theirs/,
      );
      await world.bdText(['sync'], { env: { BEADS_NO_DAEMON: '1' } });
      const joined = readFileSync(join(world.beadsDir, 'beads.jsonl'), 'utf8');
      const both = joined.split('\n').find((line) => line.includes('"a-1"'));
      expect(JSON.parse(both ?? '')).toMatchObject({
        title: 'title by mia',
        notes: 'notes by lee',
      });
      expect(joined).not.toContain('<<<<<<<');
      commit(world, 'merged');
      expect(world.git('status', '--porcelain')).toBe('');
    },
  );

  test.each(BROKEN)('%s: lines apart are merged as text', async (_name, bd) => {
    const { world, exitCode, content } = await mergeFinding(bd, apart);
    await using _ = world;
    expect(exitCode).toBe(0);
    expect(content).toContain('title by mia');
    expect(content).toContain('notes by lee');
  });

  test('bd itself: all is merged, and lines that cannot be read are its own conflict', async () => {
    const merged = await mergeFinding(real, together);
    await using _ = merged.world;
    expect(merged.exitCode).toBe(0);
    expect(merged.content).not.toContain('<<<<<<<');
    const { world } = merged;
    world.git('reset', '-q', '--hard', 'HEAD^');
    writeFileSync(join(world.beadsDir, 'beads.jsonl'), `${merged.content}{"id":"cut\n`);
    commit(world, 'cut');
    const { status, stderr } = spawnSync('git', ['merge', '-q', '--no-edit', 'lee'], {
      cwd: world.directory,
      env: { ...world.env, PATH: `${join(world.root, 'bin')}:/usr/bin:/bin` },
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('not JSON');
    const content = readFileSync(join(world.beadsDir, 'beads.jsonl'), 'utf8');
    expect(content).toBe(`${merged.content}{"id":"cut\n`);
  });
});
