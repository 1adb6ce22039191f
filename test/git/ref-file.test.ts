import { existsSync, linkSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { moveRefFile, readRefFile } from '../../src/git/ref-file.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
const REF = 'refs/bd/sync';
let gitDir: string;
let [first, second] = ['', ''];

const git = (...args: string[]): string => sandbox.git(sandbox.directory, ...args);
const current = (): string => git('rev-parse', REF);
const path = (name: string): string => join(gitDir, name);

beforeEach(() => {
  git('init', '--quiet', '-b', 'main');
  gitDir = join(sandbox.directory, '.git');
  const tree = git('hash-object', '-t', 'tree', '-w', '/dev/null');
  first = git('commit-tree', '-m', 'first', tree);
  second = git('commit-tree', '-m', 'second', tree, '-p', first);
  git('update-ref', REF, first);
});

describe('a ref with a file of its own', () => {
  it('is read, and moved as git moves it', async () => {
    expect(readRefFile(gitDir, REF)).toBe(first);
    const { mode } = statSync(path(REF));
    expect(await moveRefFile(gitDir, { ref: REF, from: first, to: second })).toBe(true);
    expect([readRefFile(gitDir, REF), current()]).toEqual([second, second]);
    expect(statSync(path(REF)).mode).toBe(mode);
    git('fsck', '--strict');
    git('update-ref', REF, first, second);
    expect(readRefFile(gitDir, REF)).toBe(first);
    expect(readdirSync(path('refs/bd'))).toEqual(['sync']);
    expect(existsSync(path('bd-ref'))).toBe(false);
  });

  it('is not moved from another commit', async () => {
    expect(await moveRefFile(gitDir, { ref: REF, from: second, to: first })).toBe(false);
    expect(current()).toBe(first);
    expect(readdirSync(path('refs/bd'))).toEqual(['sync']);
  });

  it('is left to git while git holds its lock', async () => {
    writeFileSync(path(`${REF}.lock`), '');
    expect(await moveRefFile(gitDir, { ref: REF, from: first, to: second })).toBeUndefined();
    expect(current()).toBe(first);
    expect(existsSync(path(`${REF}.lock`))).toBe(true);
  });

  it('is free again after a process was killed while it held the lock', async () => {
    writeFileSync(path('bd-ref'), `${second}\n`);
    linkSync(path('bd-ref'), path(`${REF}.lock`));
    expect(await moveRefFile(gitDir, { ref: REF, from: first, to: second })).toBeUndefined();
    expect(await moveRefFile(gitDir, { ref: REF, from: first, to: second })).toBe(true);
    expect(current()).toBe(second);
    expect(readdirSync(path('refs/bd'))).toEqual(['sync']);
  });

  it('that several move at once goes to one of them only', async () => {
    const others = Array.from({ length: 8 }, (_, at) =>
      git('commit-tree', '-m', String(at), git('rev-parse', `${first}^{tree}`), '-p', first),
    );
    const moved = await Promise.all(
      others.map((to) => moveRefFile(gitDir, { ref: REF, from: first, to })),
    );
    expect(moved.filter((each) => each === true).length).toBeLessThan(2);
    const isMoved = moved.includes(true);
    expect(current()).toBe(isMoved ? others[moved.indexOf(true)] : first);
    expect(readdirSync(path('refs/bd'))).toEqual(['sync']);
  });
});

describe('any other ref is left to git', () => {
  it.each<[string, () => unknown]>([
    ['packed', () => git('pack-refs', '--all')],
    [
      'with a log',
      () => [second, first].map((at) => git('update-ref', '--create-reflog', REF, at)),
    ],
    ['symbolic', () => git('symbolic-ref', REF, 'refs/heads/other')],
    ['none', () => git('update-ref', '-d', REF)],
    [
      'a directory',
      () => (git('update-ref', '-d', REF), mkdirSync(path(REF), { recursive: true })),
    ],
  ])('%s', async (_case, make) => {
    make();
    expect(await moveRefFile(gitDir, { ref: REF, from: first, to: second })).toBeUndefined();
    expect(existsSync(path(`${REF}.lock`))).toBe(false);
  });
});
