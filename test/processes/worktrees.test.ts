import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callAtOnce } from '../support/at-once.ts';
import { eventually } from '../support/eventually.ts';
import { BD, createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

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

/** Every branch, here and on the remote, but that of the issues. */
const branches = (): string =>
  [
    world.git('for-each-ref', 'refs/heads', 'refs/tags', 'refs/stash'),
    world.git('ls-remote', 'origin', 'refs/heads/[!b]*'),
  ].join('\n');

function addWorktrees(...names: string[]): string[] {
  for (const name of names) world.git('worktree', 'add', '-q', '-b', name, at(name));
  return names.map((name) => at(name));
}

/**
 * The processes of this machine that serve something in this world: besides the daemon one may be there
 * for a moment that comes second, or that is about to be a git.
 */
function daemons(): string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      return command.includes('bd-daemon.js') && command.includes(world.root);
    } catch {
      return false;
    }
  });
}

const countIn = async (cwd: string): Promise<number> =>
  (await world.bdJson<{ count: number }>(['count'], { cwd })).count;

test('three worktrees on three branches, five creates at once in each: one daemon, all issues in each', async () => {
  await world.bdText(['init', '--prefix', 't']);
  const trees = addWorktrees('one', 'two', 'three');
  const before = branches();
  const runs = await callAtOnce(
    trees.flatMap((cwd) =>
      Array.from(
        { length: 5 },
        (_, at) => () => world.bd(['q', `Issue ${at} in ${cwd}`], { cwd, program: BD }),
      ),
    ),
  );
  for (const { exitCode, stderr } of runs) {
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  }
  expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(15);
  for (const cwd of [world.directory, ...trees]) expect(await countIn(cwd)).toBe(15);
  await eventually(() => daemons().join() === String(world.daemonPid()), { what: 'one daemon' });
  await world.bdText(['sync'], { cwd: trees[0]! });
  expect(branches()).toBe(before);
  for (const cwd of trees) {
    expect(existsSync(join(cwd, '.beads'))).toBe(false);
    expect(world.git('-C', cwd, 'status', '--porcelain')).toBe('');
  }
}, 120_000);

test('the daemon outlives the worktree whose call started it, and holds nothing in it', async () => {
  await world.bdText(['init', '--prefix', 't']);
  const [tree = ''] = addWorktrees('one');
  await world.bdText(['q', 'First'], { cwd: tree });
  const pid = world.daemonPid();
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe('/');
  world.git('worktree', 'remove', tree);
  expect(await countIn(world.directory)).toBe(1);
  await world.bdText(['q', 'Second']);
  expect(world.daemonPid()).toBe(pid);
});

test('bd where tells a worktree whose workspace it uses, and bd init that it has one', async () => {
  await world.bdText(['init', '--prefix', 't']);
  const [tree = ''] = addWorktrees('one');
  const where = await world.bdText(['where'], { cwd: tree });
  expect(where.split('\n')[0]).toBe(world.beadsDir);
  expect(where).toContain(tree);
  expect(await world.bdJson(['where'], { cwd: tree })).toMatchObject({ worktree: tree });
  expect(await world.bdJson(['where'])).not.toHaveProperty('worktree');
  const init = await world.bd(['init'], { cwd: tree });
  expect(init.exitCode).toBe(4);
  expect(init.stderr).toContain(world.beadsDir);
});

test('the worktrees of a bare repository share one workspace', async () => {
  mkdirSync(at('p'));
  world.git('clone', '-q', '--bare', world.remote, at('p/.bare'));
  const bare = (...args: string[]) => world.git('--git-dir', at('p/.bare'), ...args);
  for (const name of ['one', 'two']) bare('worktree', 'add', '-q', '-b', name, at('p', name));
  const [one, two] = [at('p/one'), at('p/two')];
  served = [one];
  await world.bdText(['init', '--prefix', 'b'], { cwd: two });
  await Promise.all([one, two].map((cwd) => world.bdText(['q', 'Issue'], { cwd })));
  for (const cwd of [one, two]) {
    expect(await countIn(cwd)).toBe(2);
    expect(world.git('-C', cwd, 'status', '--porcelain')).toBe('');
  }
  await eventually(() => daemons().length === 1, { what: 'one daemon' });
  const init = await world.bd(['init'], { cwd: one });
  expect(init.stderr).toContain(join(two, '.beads'));
  await world.bdText(['sync'], { cwd: one });
  expect(world.git('ls-remote', 'origin', 'refs/heads/beads-sync')).not.toBe('');
});

test('a submodule and a nested repository have workspaces of their own, and outer issues never reach them', async () => {
  world.git('push', '-q', 'origin', 'HEAD:library');
  const library = at('library.git');
  world.git('clone', '-q', '--bare', world.remote, library);
  world.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', library, 'sub');
  const [sub, nested] = [join(world.directory, 'sub'), join(world.directory, 'nested')];
  world.git('init', '-q', nested);
  const issueRefs = (cwd: string): string => world.git('-C', cwd, 'for-each-ref', 'refs/bd');

  await world.bdText(['init', '--prefix', 'outer']);
  await world.bdText(['q', 'Outer'], { cwd: nested });
  await world.bdText(['sync'], { cwd: sub });
  expect([issueRefs(sub), issueRefs(nested)]).toEqual(['', '']);

  served = [sub, nested];
  for (const cwd of served) {
    await world.bdText(['init', '--prefix', 'inner'], { cwd });
    await world.bdText(['q', 'Inner'], { cwd });
    await world.bdText(['sync'], { cwd });
    expect(await countIn(cwd)).toBe(1);
    expect(issueRefs(cwd)).toContain('refs/bd/sync');
  }
  await world.bdText(['sync']);
  const outer = world.git('show', 'refs/bd/sync:.beads/issues.jsonl');
  expect([outer.includes('Outer'), outer.includes('Inner')]).toEqual([true, false]);
  expect(await countIn(world.directory)).toBe(1);
  expect(world.git('ls-remote', library, 'refs/heads/beads-sync')).not.toBe('');
});
