import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/platform/clock.ts';
import { createGit } from '../../src/git/git.ts';
import { GitObjects } from '../../src/git/objects.ts';
import { CheckedOutBranch } from '../../src/sync/checked-out/checked-out-branch.ts';
import { createCheckedOutCycle } from '../../src/sync/checked-out/checked-out-cycle.ts';
import type { CycleReport } from '../../src/sync/cycle.ts';
import { createClone, issue, put, type Clone } from './fixture.ts';
import { type Sandbox } from '../support/sandbox.ts';

export const MIRROR = '.beads/beads.jsonl';
export const OWNER = 'bd of a test\n';

/** A clone whose mirror is committed on the branch that is checked out. */
export interface CheckedOutClone extends Clone {
  readonly git: (...args: string[]) => string;
  readonly write: (name: string, content: string) => void;
  /** A change of an issue, in the mirror. */
  change(id: string, title?: string): Promise<void>;
  cycle(options?: { push?: boolean }): Promise<CycleReport>;
  /** What the user sees in `git status`, without bd's own files, which are not committed. */
  status(): string;
}

/** One commit, with a file that the tests play with and the settings that people commit. */
export function createCheckedOutClone(
  sandbox: Sandbox,
  name: string,
  { remote }: { remote?: string } = {},
): CheckedOutClone {
  const clone = createClone(sandbox, name, remote === undefined ? {} : { remote });
  const { directory, store, mirror } = clone;
  const git = (...args: string[]): string => sandbox.git(directory, ...args);
  const write = (file: string, content: string): void =>
    writeFileSync(join(directory, file), content);
  write('code.txt', 'one\n');
  write('.beads/.gitignore', '*.db\n*.db-*\nquarantine/\n.*.tmp\n');
  git('add', '-A');
  git('commit', '--quiet', '-m', 'Code');
  if (remote !== undefined) git('push', '--quiet', '-u', 'origin', 'main');
  const gitDir = join(directory, '.git');
  const asked = createGit({ gitDir, directory, env: sandbox.env });
  const branch = new CheckedOutBranch({
    git: asked,
    objects: new GitObjects(asked),
    commonDir: gitDir,
    path: MIRROR,
    owner: OWNER,
    clock: systemClock,
    state: store.state,
  });
  const random = (): number => 0.5;
  const cycle = createCheckedOutCycle({ store, mirror, branch, random, pause });
  return {
    ...clone,
    git,
    write,
    async change(id, title = `Title of ${id}`) {
      put(store, issue(id, { title, updated_at: new Date().toISOString() }));
      await mirror.flush();
    },
    cycle: ({ push = true } = {}) => cycle.run({ push, signal: new AbortController().signal }),
    status: () => git('status', '--porcelain'),
  };
}

/** All that is the user's: what a commit of bd's may change is left out. */
export function fingerprint({ directory, git }: CheckedOutClone): unknown {
  const gitDir = join(directory, '.git');
  const staged = git('ls-files', '--stage', '--', `:!${MIRROR}`);
  return {
    head: readFileSync(join(gitDir, 'HEAD'), 'utf8'),
    branches: git('for-each-ref', 'refs/tags', 'refs/stash', 'refs/heads', '--sort=refname')
      .split('\n')
      .filter((line) => !line.endsWith(`refs/heads/${git('branch', '--show-current')}`)),
    staged,
    changed: git('diff', '--name-status', '--', `:!${MIRROR}`),
    config: readFileSync(join(gitDir, 'config'), 'utf8'),
    hooks: statSync(join(gitDir, 'hooks')).mtimeMs,
    files: ['code.txt', 'staged.txt', 'dirty.txt', 'untracked.txt'].map((name) => {
      try {
        return readFileSync(join(directory, name), 'utf8');
      } catch {
        return undefined;
      }
    }),
  };
}

/** Commits of bd's on what is checked out, the latest first, with the files of each. */
export function ownCommits({ git }: CheckedOutClone): { subject: string; files: string[] }[] {
  const commits = git('log', '--author=bd@localhost', '--format=%H').split('\n').filter(Boolean);
  return commits.map((commit) => ({
    subject: git('log', '-1', '--format=%s', commit),
    files: git('diff-tree', '-r', '--no-commit-id', '--name-only', commit).split('\n'),
  }));
}
