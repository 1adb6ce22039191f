import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { findMainWorktree, listLinkedWorktrees } from '../../src/git/repository.ts';
import { findWorkspace } from '../../src/place/find-workspace.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;

const find = (...names: string[]): string | undefined =>
  findWorkspace({ cwd: at(...names), env: { HOME: at('home') } })?.beadsDir;

function makeRepository(...names: string[]): void {
  mkdirSync(at(...names), { recursive: true });
  git(at(...names), 'init', '-q', '-b', 'main');
  git(at(...names), 'commit', '-qm', 'x', '--allow-empty');
}

/** As it comes with a checkout: the names of its files, and no store. */
function makeWorkspace(...names: string[]): string {
  mkdirSync(at(...names, '.beads'), { recursive: true });
  writeFileSync(at(...names, '.beads/metadata.json'), '{"database":"issues.db"}');
  return at(...names, '.beads');
}

function makeStore(...names: string[]): string {
  const beadsDir = makeWorkspace(...names);
  writeFileSync(join(beadsDir, 'issues.db'), '');
  return beadsDir;
}

describe('the working trees of an ordinary repository', () => {
  beforeEach(() => {
    makeRepository('main');
    git(at('main'), 'worktree', 'add', '-q', at('b-tree'));
    git(at('main'), 'worktree', 'add', '-q', at('a-tree'));
    mkdirSync(at('b-tree', 'pkg', 'src'), { recursive: true });
  });

  test('use the main one’s workspace at the same place', () => {
    const outer = makeStore('main');
    expect(find('b-tree', 'pkg', 'src')).toBe(outer);
    const inner = makeStore('main', 'pkg');
    expect(find('b-tree', 'pkg', 'src')).toBe(inner);
    expect(find('b-tree')).toBe(outer);
  });

  test('use it though they have one of their own, which the branch brought or a person made', () => {
    const main = makeWorkspace('main');
    makeStore('b-tree');
    makeWorkspace('a-tree');
    for (const tree of ['main', 'a-tree', 'b-tree']) expect(find(tree)).toBe(main);
  });

  test('use the one that holds a store when the main one has no workspace', () => {
    makeWorkspace('a-tree');
    const used = makeStore('b-tree');
    for (const tree of ['main', 'a-tree', 'b-tree']) expect(find(tree)).toBe(used);
  });

  test('meet in the first by name as long as nobody has used any', () => {
    makeWorkspace('b-tree');
    const first = makeWorkspace('a-tree');
    for (const tree of ['main', 'a-tree', 'b-tree']) expect(find(tree)).toBe(first);
  });

  test('keep a workspace that stands deeper than the others’', () => {
    makeStore('main');
    const inner = makeStore('b-tree', 'pkg');
    expect(find('b-tree', 'pkg', 'src')).toBe(inner);
  });

  test('follow a redirect before all else', () => {
    makeStore('main');
    const elsewhere = makeStore('elsewhere');
    mkdirSync(at('b-tree/.beads'));
    writeFileSync(at('b-tree/.beads/redirect'), '../elsewhere/.beads');
    expect(find('b-tree')).toBe(elsewhere);
  });

  test('find none in a repository that is nested in the main one at that place', () => {
    makeRepository('main', 'pkg');
    makeStore('main', 'pkg');
    const outer = makeStore('main');
    expect(find('b-tree', 'pkg')).toBe(outer);
  });

  test('do without one that is gone or was moved', () => {
    makeStore('a-tree');
    const used = makeStore('b-tree');
    rmSync(at('a-tree'), { recursive: true });
    expect(find('b-tree')).toBe(used);
    expect(find('main')).toBe(used);
    renameSync(at('b-tree'), at('moved'));
    expect(find('main')).toBeUndefined();
    expect(find('moved')).toBe(at('moved/.beads'));
  });

  test('are none of another repository that stands in a worktree’s place', () => {
    rmSync(at('a-tree'), { recursive: true });
    makeRepository('a-tree');
    makeStore('a-tree');
    expect(find('main')).toBeUndefined();
    expect(listLinkedWorktrees(at('main/.git')).map(({ topLevel }) => topLevel)).toEqual([
      at('b-tree'),
    ]);
  });
});

describe('the worktrees of a bare repository', () => {
  function makeBare(bare: string): void {
    makeRepository('seed');
    git(sandbox.directory, 'clone', '-q', '--bare', at('seed'), at(bare));
    for (const name of ['one', 'two']) git(at(bare), 'worktree', 'add', '-q', at('p', name));
  }

  test('share the first by name that holds a store', () => {
    makeBare('repo.git');
    makeWorkspace('p', 'one');
    const used = makeStore('p', 'two');
    expect(find('p', 'one')).toBe(used);
    expect(findMainWorktree(at('repo.git'))).toBeUndefined();
  });

  test('use the project directory’s when it has a .git file that leads to the repository', () => {
    mkdirSync(at('p'));
    makeBare('p/.bare');
    writeFileSync(at('p/.git'), 'gitdir: ./.bare\n');
    const used = makeStore('p', 'two');
    expect(find('p')).toBe(used);
    const shared = makeStore('p');
    git(at('p/.bare'), 'worktree', 'add', '-q', at('outside'));
    for (const tree of ['p', 'p/one', 'p/two', 'outside']) expect(find(tree)).toBe(shared);
  });
});

describe('a repository inside another', () => {
  test('a submodule has its own workspace, shared with its own worktrees', () => {
    makeRepository('library');
    makeRepository('main');
    const outer = makeStore('main');
    git(
      at('main'),
      '-c',
      'protocol.file.allow=always',
      'submodule',
      '--quiet',
      'add',
      at('library'),
      'sub',
    );
    expect(find('main', 'sub')).toBe(outer);
    const inner = makeStore('main', 'sub');
    expect(find('main', 'sub')).toBe(inner);
    git(at('main/sub'), 'worktree', 'add', '-q', at('sub-tree'));
    expect(find('sub-tree')).toBe(inner);
  });

  test('one that is nested in a worktree does not use its outer’s other working trees', () => {
    makeRepository('main');
    git(at('main'), 'worktree', 'add', '-q', at('tree'));
    makeRepository('tree', 'nested');
    makeStore('main', 'nested');
    const outer = makeStore('main');
    expect(find('tree', 'nested')).toBe(outer);
    const own = makeStore('tree', 'nested');
    expect(find('tree', 'nested')).toBe(own);
  });

  test('a .git file that leads nowhere keeps nobody from the workspace beside it', () => {
    const beadsDir = makeStore('p');
    writeFileSync(at('p/.git'), 'gitdir: /nowhere/at/all\n');
    expect(find('p')).toBe(beadsDir);
  });
});
