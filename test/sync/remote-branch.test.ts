import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IssueTree } from '../../src/sync/branch/issue-tree.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createGit } from '../../src/git/git.ts';
import { createSyncBranch } from '../../src/sync/branch/sync-branch.ts';
import { allowPublishing } from '../../src/sync/branch/branch-memory.ts';
import {
  classic,
  createClone,
  createRemote,
  cycle,
  issue,
  line,
  lines,
  PROJECT,
  put,
  type Clone,
} from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let remote: string;
let open: Clone[];

beforeEach(() => {
  remote = createRemote(sandbox);
  open = [];
});
afterEach(() => {
  for (const clone of open) clone.store.close();
});

function clone(name: string): Clone {
  const made = createClone(sandbox, name, { remote });
  open.push(made);
  return made;
}

const linesAt = (ref: string): string[] =>
  sandbox.git(remote, 'show', `${ref}:.beads/issues.jsonl`).split('\n');
const refsOf = (directory: string, under: string): string[] =>
  sandbox
    .git(directory, 'for-each-ref', '--format=%(objectname)', under)
    .split('\n')
    .filter(Boolean);

describe('a file of the branch that the repository lost', () => {
  it('is not taken for an empty one, and sync works again when it is back', async () => {
    const [a, b] = [clone('a'), clone('b')];
    put(a.store, issue('t-a'));
    await cycle(a);
    const blob = sandbox.git(remote, 'rev-parse', 'beads-sync:.beads/issues.jsonl');
    const path = join(b.directory, '.git/objects', blob.slice(0, 2), blob.slice(2));
    put(b.store, issue('t-b'));
    let fetched = 0;
    const { end } = await cycle(b, b.branch, (step) => {
      if (step === 'fetched' && fetched++ === 0) renameSync(path, join(b.directory, 'lost'));
    });
    expect(end).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining(blob) as unknown,
    });
    expect(linesAt('beads-sync')).toEqual(lines(a.store));
    renameSync(join(b.directory, 'lost'), path);
    expect(await cycle(b)).toMatchObject({ end: 'shared', pushed: 1 });
    expect(lines(b.store)).toHaveLength(2);
    expect(linesAt('beads-sync')).toEqual(lines(b.store));
  });
});

describe('a branch that was deleted on the remote', () => {
  it('is not made again until the user says so, and nothing is lost meanwhile', async () => {
    const a = clone('a');
    put(a.store, issue('t-a'));
    await cycle(a);
    sandbox.git(remote, 'update-ref', '-d', 'refs/heads/beads-sync');
    put(a.store, issue('t-b'));
    for (const _look of ['first', 'second']) {
      const { end } = await cycle(a);
      expect(end).toMatchObject({ kind: 'blocked', remedy: expect.stringContaining('--publish') });
    }
    expect(refsOf(remote, 'refs')).toEqual([]);
    expect(a.store.outbox.pending().count).toBe(1);
    const kept = sandbox.git(a.directory, 'show', 'refs/bd/sync:.beads/issues.jsonl');
    expect(kept.split('\n')).toEqual(lines(a.store));

    allowPublishing(a.store);
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
    expect(linesAt('beads-sync')).toEqual(lines(a.store));
    // What was to be forgotten is not in the history again.
    expect(sandbox.git(remote, 'rev-list', '--count', 'beads-sync')).toBe('1');
  });

  it('means one that was there before: another remote, or another name, is simply new', async () => {
    const a = clone('a');
    put(a.store, issue('t-a'));
    await cycle(a);
    sandbox.git(a.directory, 'remote', 'set-url', 'origin', createRemote(sandbox, 'new.git'));
    sandbox.git(a.directory, 'remote', 'rename', 'origin', 'elsewhere');
    a.branch.forget();
    // The name that was found is looked up anew when it fails.
    expect((await cycle(a)).end).toMatchObject({ kind: 'offline' });
    expect(await cycle(a)).toMatchObject({ end: 'shared', remote: 'elsewhere' });
    expect(refsOf(join(sandbox.directory, 'new.git'), 'refs')).toHaveLength(1);
  });
});

describe('a branch whose history was replaced', () => {
  it('is joined with what it held before, which is kept, and nothing is pushed by force', async () => {
    const [a, b] = [clone('a'), clone('b')];
    put(a.store, issue('t-a'));
    await cycle(a);
    await cycle(b);
    const before = refsOf(remote, 'refs/heads/beads-sync');
    put(b.store, issue('t-b'));
    for (const _time of ['pushed', 'fetched']) await cycle(b);
    const replaced = refsOf(remote, 'refs/heads/beads-sync');
    // Another clone puts back what it had, without b's issue.
    sandbox.git(remote, 'update-ref', 'refs/heads/beads-sync', before[0] ?? '');
    put(b.store, issue('t-c'));
    expect(await cycle(b)).toMatchObject({ end: 'shared' });
    expect(refsOf(b.directory, 'refs/bd/lost')).toEqual(replaced);
    expect(classic(linesAt('beads-sync'))).toEqual(['t-a', 't-b', 't-c'].map((id) => line(id)));
    sandbox.git(remote, 'merge-base', '--is-ancestor', before[0] ?? '', 'beads-sync');
    await cycle(a);
    expect(lines(a.store)).toEqual(lines(b.store));
  });

  it('is joined also where the old history had not been taken in yet', async () => {
    const [a, b] = [clone('a'), clone('b')];
    put(a.store, issue('t-a'));
    await cycle(a);
    await cycle(b);
    const [before = ''] = refsOf(remote, 'refs/heads/beads-sync');
    put(a.store, issue('t-b'));
    await cycle(a);
    const dies = (): never => {
      throw new Error('the power went');
    };
    expect((await cycle(b, b.branch, dies)).end).toMatchObject({ kind: 'failed' });
    sandbox.git(remote, 'update-ref', 'refs/heads/beads-sync', before);
    expect((await cycle(b)).end).toBe('shared');
    expect(classic(linesAt('beads-sync'))).toEqual([line('t-a'), line('t-b')]);
  });
});

describe('a remote that allows no new branch', () => {
  it('gets a ref beside the branches, which all clones find', async () => {
    mkdirSync(join(remote, 'hooks'), { recursive: true });
    const hook = join(remote, 'hooks', 'update');
    writeFileSync(hook, '#!/bin/sh\ncase "$1" in refs/heads/*) exit 1;; esac\n');
    chmodSync(hook, 0o755);
    const [a, b] = [clone('a'), clone('b')];
    put(a.store, issue('t-a'));
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
    put(b.store, issue('t-b'));
    for (const each of [b, a]) expect((await cycle(each)).end).toBe('shared');
    expect(classic(linesAt('refs/beads/sync'))).toEqual([line('t-a'), line('t-b')]);
    expect(lines(a.store)).toEqual(lines(b.store));
    expect(refsOf(remote, 'refs/heads')).toEqual([]);
  });

  it('is left for the branch as soon as one with permission makes that, and loses nothing', async () => {
    mkdirSync(join(remote, 'hooks'), { recursive: true });
    const hook = join(remote, 'hooks', 'update');
    writeFileSync(hook, '#!/bin/sh\ncase "$1" in refs/heads/*) exit 1;; esac\n');
    chmodSync(hook, 0o755);
    const a = clone('a');
    put(a.store, issue('t-a'));
    await cycle(a);
    rmSync(hook);
    const b = clone('b');
    put(b.store, issue('t-b'));
    // As a clone does that had its first look before a's push.
    await b.branch.push('origin', await orphan(b), { theirs: undefined });
    put(a.store, issue('t-c'));
    for (const each of [b, a, b, a]) expect((await cycle(each)).end).toBe('shared');
    expect(lines(a.store)).toEqual(lines(b.store));
    expect(classic(linesAt('beads-sync'))).toEqual(['t-a', 't-b', 't-c'].map((id) => line(id)));
  });
});

describe('a branch that holds no issues', () => {
  it('is not made one that does, whatever the settings name', async () => {
    const a = clone('a');
    writeFileSync(join(a.directory, 'main.c'), 'int main;');
    sandbox.git(a.directory, 'add', 'main.c');
    sandbox.git(a.directory, 'commit', '--quiet', '-m', 'work');
    sandbox.git(a.directory, 'push', '--quiet', 'origin', 'HEAD:refs/heads/develop');
    const before = refsOf(remote, 'refs');
    const develop = createSyncBranch({
      git: createGit({ gitDir: join(a.directory, '.git'), env: sandbox.env }),
      project: PROJECT,
      clock: systemClock,
      names: { branch: 'develop' },
    });
    put(a.store, issue('t-a'));
    expect((await cycle(a, develop)).end).toMatchObject({
      kind: 'blocked',
      message: expect.stringContaining('sync.branch is develop') as unknown,
    });
    expect(refsOf(remote, 'refs')).toEqual(before);
  });
});

/** A commit of what a clone holds, on top of nothing. */
async function orphan({ store, branch }: Clone): Promise<string> {
  const issues = await new IssueTree(store, branch.objects).write({ hasParts: false });
  const { ours } = await branch.tips();
  const commit = await branch.write({ parent: undefined, issues, subject: 'x', ours });
  if (commit === undefined) throw new Error('another writer is here');
  return commit;
}
