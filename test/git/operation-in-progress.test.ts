import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { REAL_GIT } from '../support/real-git.ts';
import { operationInProgress } from '../../src/git/operation-in-progress.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
beforeEach(() => (temp = createTempDirectory()));
afterEach(() => temp[Symbol.dispose]());

const git = (cwd: string, ...args: string[]): string =>
  execFileSync(REAL_GIT, ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: temp.path, GIT_EDITOR: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  }).trim();

const fails = (cwd: string, ...args: string[]): void => expect(() => git(cwd, ...args)).toThrow();

function commit(cwd: string, text: string): void {
  writeFileSync(join(cwd, 'file'), `${text}\n`);
  git(cwd, 'add', 'file');
  git(cwd, 'commit', '-qm', text);
}

/** Two branches that cannot be joined without a person. */
function createRepository(): string {
  git(temp.path, 'init', '-q', '-b', 'main', 'r');
  const directory = join(temp.path, 'r');
  commit(directory, 'begin');
  git(directory, 'checkout', '-qb', 'other');
  commit(directory, 'theirs');
  commit(directory, 'theirs again');
  git(directory, 'checkout', '-q', 'main');
  commit(directory, 'ours');
  return directory;
}

const OPERATIONS: readonly (readonly [string, (cwd: string) => void, readonly string[]])[] = [
  ['merge', (cwd) => fails(cwd, 'merge', 'other'), ['merge', '--abort']],
  ['rebase', (cwd) => fails(cwd, 'rebase', 'other'), ['rebase', '--abort']],
  ['rebase', (cwd) => fails(cwd, 'rebase', '--apply', 'other'), ['rebase', '--abort']],
  ['cherry-pick', (cwd) => fails(cwd, 'cherry-pick', 'other'), ['cherry-pick', '--abort']],
  ['revert', (cwd) => fails(cwd, 'revert', 'main~1'), ['revert', '--abort']],
  ['bisect', (cwd) => git(cwd, 'bisect', 'start'), ['bisect', 'reset']],
  [
    'am',
    (cwd) => {
      writeFileSync(join(cwd, '../p'), git(cwd, 'format-patch', '--stdout', '-1', 'other'));
      fails(cwd, 'am', '../p');
    },
    ['am', '--abort'],
  ],
];

test.each(OPERATIONS)('%s (%#) is in progress from its start to its end', (name, start, end) => {
  const cwd = createRepository();
  const gitDir = join(cwd, '.git');
  expect(operationInProgress(gitDir)).toBeUndefined();
  start(cwd);
  expect(operationInProgress(gitDir)).toBe(name);
  git(cwd, ...end);
  expect(operationInProgress(gitDir)).toBeUndefined();
});

test('a series of picks is still in progress after one was committed by hand', () => {
  const cwd = createRepository();
  fails(cwd, 'cherry-pick', 'other~2..other');
  commit(cwd, 'settled');
  expect(operationInProgress(join(cwd, '.git'))).toBe('cherry-pick');
  git(cwd, 'cherry-pick', '--quit');
  expect(operationInProgress(join(cwd, '.git'))).toBeUndefined();
});

test('a linked worktree has operations of its own', () => {
  const cwd = createRepository();
  git(cwd, 'worktree', 'add', '-qb', 'third', '../tree');
  fails(join(temp.path, 'tree'), 'merge', 'other');
  expect(operationInProgress(join(cwd, '.git'))).toBeUndefined();
  expect(operationInProgress(join(cwd, '.git/worktrees/tree'))).toBe('merge');
});
