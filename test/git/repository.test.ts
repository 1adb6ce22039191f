import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { findGitRepository, isBareRepository } from '../../src/git/repository.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let repository: string;
let gitDir: string;

beforeEach(() => {
  repository = join(sandbox.directory, 'repository');
  gitDir = join(repository, '.git');
  sandbox.git(sandbox.directory, 'init', '--quiet', '-b', 'main', repository);
  sandbox.git(repository, 'commit', '--quiet', '--allow-empty', '-m', 'start');
});

/** Git's own answer. */
function asked(directory: string): unknown {
  const ask = (what: string) => sandbox.git(directory, 'rev-parse', '--path-format=absolute', what);
  return {
    gitDir: ask('--git-dir'),
    commonDir: ask('--git-common-dir'),
    topLevel: ask('--show-toplevel'),
  };
}

test('a directory inside a repository', () => {
  const inside = join(repository, 'a', 'b');
  mkdirSync(inside, { recursive: true });
  expect(findGitRepository(inside)).toEqual({ gitDir, commonDir: gitDir, topLevel: repository });
  expect(findGitRepository(inside)).toEqual(asked(inside));
});

test('a linked worktree belongs to the repository it was made from', () => {
  const worktree = join(sandbox.directory, 'worktree');
  sandbox.git(repository, 'worktree', 'add', '--quiet', '-b', 'side', worktree);
  expect(findGitRepository(worktree)).toEqual(asked(worktree));
  expect(findGitRepository(worktree)?.commonDir).toBe(gitDir);
});

test('a worktree of a bare repository', () => {
  const bare = join(sandbox.directory, 'bare.git');
  sandbox.git(sandbox.directory, 'clone', '--quiet', '--bare', repository, bare);
  const worktree = join(sandbox.directory, 'worktree');
  sandbox.git(bare, 'worktree', 'add', '--quiet', worktree, 'main');
  expect(findGitRepository(worktree)).toEqual(asked(worktree));
});

test('a submodule is a repository of its own', () => {
  const outer = join(sandbox.directory, 'outer');
  sandbox.git(sandbox.directory, 'init', '--quiet', outer);
  sandbox.git(
    outer,
    '-c',
    'protocol.file.allow=always',
    'submodule',
    '--quiet',
    'add',
    repository,
    'sub',
  );
  expect(findGitRepository(join(outer, 'sub'))).toEqual(asked(join(outer, 'sub')));
});

test('a bare repository that lies in the files of another is not used', () => {
  const bare = join(repository, 'files', 'bare');
  sandbox.git(repository, 'init', '--quiet', '--bare', bare);
  expect(findGitRepository(bare)?.gitDir).toBe(gitDir);
});

test('none where there is no repository, or an empty .git', () => {
  mkdirSync(join(sandbox.directory, 'plain', '.git'), { recursive: true });
  expect(findGitRepository(join(sandbox.directory, 'plain'))).toBeUndefined();
});

test('none for a working tree whose repository is gone, even inside another repository', () => {
  const inner = join(repository, 'inner');
  mkdirSync(inner);
  writeFileSync(join(inner, '.git'), 'gitdir: /nowhere/at/all\n');
  expect(findGitRepository(inner)).toBeUndefined();
});

test('a bare repository in plain sight is known, as git knows it', () => {
  const bare = join(sandbox.directory, 'bare');
  sandbox.git(sandbox.directory, 'init', '--quiet', '--bare', bare);
  expect(findGitRepository(bare)).toBeUndefined();
  expect(isBareRepository(bare)).toBe(true);
  expect(sandbox.git(bare, 'rev-parse', '--is-bare-repository')).toBe('true');
  expect(isBareRepository(repository)).toBe(false);
  for (const name of ['refs', 'objects', 'HEAD']) {
    const part = join(bare, name);
    rmSync(part, { recursive: true });
    expect(isBareRepository(bare)).toBe(false);
    expect(() => sandbox.git(bare, 'rev-parse', '--is-bare-repository')).toThrow();
    if (name === 'HEAD') writeFileSync(part, 'ref: refs/heads/main\n');
    else mkdirSync(part);
  }
});
