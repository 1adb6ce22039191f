import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { operationInProgress } from '../../src/git/operation-in-progress.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;

const fails = (cwd: string, ...args: string[]): void => expect(() => git(cwd, ...args)).toThrow();

function commit(cwd: string, text: string): void {
  writeFileSync(join(cwd, 'file'), `${text}\n`);
  git(cwd, 'add', 'file');
  git(cwd, 'commit', '-qm', text);
}

/** Two branches that cannot be joined without a person. */
function createRepository(): string {
  git(sandbox.directory, 'init', '-q', '-b', 'main', 'r');
  const directory = at('r');
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
  fails(at('tree'), 'merge', 'other');
  expect(operationInProgress(join(cwd, '.git'))).toBeUndefined();
  expect(operationInProgress(join(cwd, '.git/worktrees/tree'))).toBe('merge');
});
