import { appendFileSync, chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { fingerprint } from './fingerprint.ts';
import { useSandbox } from './sandbox.ts';

const sandbox = useSandbox();
let directory: string;
const git = (...args: string[]): string => sandbox.git(directory, ...args);
const at = (...path: string[]): string => join(directory, ...path);

beforeEach(() => {
  directory = join(sandbox.directory, 'repository');
  sandbox.git(sandbox.directory, 'init', '--quiet', '-b', 'main', directory);
  writeFileSync(at('file'), 'one\n');
  git('add', '.');
  git('commit', '--quiet', '-m', 'start');
  writeFileSync(at('file'), 'two\n');
});

describe('the fingerprint tells', () => {
  test.each<[string, () => unknown]>([
    ['a new commit', () => git('commit', '--quiet', '--allow-empty', '-m', 'more')],
    ['another branch at the same commit', () => git('checkout', '--quiet', '-b', 'other')],
    ['a branch', () => git('branch', 'other')],
    ['a tag', () => git('tag', 'v1')],
    ['a ref of any other kind', () => git('update-ref', 'refs/notes/x', 'HEAD')],
    ['a staged change', () => git('add', 'file')],
    ['an index that was only refreshed', () => git('add', '--renormalize', 'file')],
    ['a stash', () => git('stash', '--quiet')],
    ['a setting', () => git('config', 'user.nick', 'x')],
    ['FETCH_HEAD', () => git('fetch', '--quiet', '.', 'main')],
    ['a merge in progress', () => git('update-ref', 'MERGE_HEAD', 'HEAD')],
    ['a lock', () => writeFileSync(at('.git/index.lock'), '')],
    ['.git/shallow', () => writeFileSync(at('.git/shallow'), '')],
    ['a hook', () => writeFileSync(at('.git/hooks/pre-push'), '')],
    ['the mode of a hook', () => chmodSync(at('.git/hooks/pre-push.sample'), 0o600)],
    ['a linked worktree', () => git('worktree', 'add', '--quiet', '--detach', '../tree')],
    ['a changed file', () => appendFileSync(at('file'), 'three\n')],
    ['the mode of a file', () => chmodSync(at('file'), 0o755)],
    ['a file that was written anew, though it says the same', () => git('checkout', '.')],
    ['a new link', () => symlinkSync('nowhere', at('link'))],
  ])('%s', (_what, change) => {
    const before = fingerprint(directory);
    expect(fingerprint(directory)).toEqual(before);
    change();
    expect(fingerprint(directory)).not.toEqual(before);
  });

  test('the index and HEAD of a linked worktree', () => {
    git('worktree', 'add', '--quiet', '--detach', '../tree');
    const tree = join(sandbox.directory, 'tree');
    const before = fingerprint(tree);
    writeFileSync(join(tree, 'new'), '');
    const withFile = fingerprint(tree);
    expect(withFile).not.toEqual(before);
    sandbox.git(tree, 'add', 'new');
    expect(fingerprint(tree)).not.toEqual(withFile);
  });
});

test('what is bd’s own is no part of it', () => {
  const before = fingerprint(directory);
  mkdirSync(at('.beads'));
  writeFileSync(at('.beads/beads.jsonl'), '');
  git('update-ref', '--create-reflog', 'refs/bd/sync', 'HEAD');
  git('update-ref', 'refs/remotes/origin/beads-sync', 'HEAD');
  git('hash-object', '-w', 'file');
  expect(fingerprint(directory)).toEqual(before);
});
