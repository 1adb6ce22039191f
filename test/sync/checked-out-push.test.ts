import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCheckedOutClone, ownCommits, type CheckedOutClone } from './checked-out.ts';
import { createRemote } from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let remote: string;
let open: CheckedOutClone[];

beforeEach(() => {
  remote = createRemote(sandbox);
  open = [];
});
afterEach(() => {
  for (const { store } of open) store.close();
});

function clone(): CheckedOutClone {
  const made = createCheckedOutClone(sandbox, 'a', { remote });
  open.push(made);
  return made;
}

const onRemote = (ref = 'main'): string[] =>
  sandbox.git(remote, 'log', '--format=%s', ref).split('\n');
const refs = (): string => sandbox.git(remote, 'for-each-ref', '--format=%(refname)');

describe('a branch with commits of bd alone', () => {
  it('is pushed, to the branch that it follows', async () => {
    const a = clone();
    await a.change('t-a');
    expect(await a.cycle()).toMatchObject({ end: 'shared', pushed: 1, remote: 'origin' });
    await a.change('t-b');
    await a.cycle();
    expect(onRemote().slice(0, 2)).toEqual([
      'Auto-sync: 1 issue (t-b)',
      'Auto-sync: 1 issue (t-a)',
    ]);
    expect(a.git('rev-list', '--count', 'origin/main..main')).toBe('0');
    expect(await a.cycle()).toMatchObject({ end: 'shared', pushed: 0, remote: 'origin' });
    expect(refs()).toBe('refs/heads/main');
  });

  it('stays here while pushing is off, and is pushed once it is on', async () => {
    const a = clone();
    await a.change('t-a');
    expect(await a.cycle({ push: false })).toMatchObject({ end: 'off', pushed: 1 });
    expect(onRemote()[0]).toBe('Code');
    await a.cycle();
    expect(onRemote()[0]).toBe('Auto-sync: 1 issue (t-a)');
  });

  it('is reported when the remote refuses it or is gone, and is pushed when it can be', async () => {
    const a = clone();
    const hook = join(remote, 'hooks/pre-receive');
    writeFileSync(hook, '#!/bin/sh\nexit 1\n');
    chmodSync(hook, 0o755);
    await a.change('t-a');
    const { end } = await a.cycle();
    expect(end).toMatchObject({ kind: 'rejected', message: /pre-receive hook declined/ });
    expect(a.store.outbox.pending().count).toBe(1);
    rmSync(hook);
    a.git('remote', 'set-url', 'origin', `${remote}.away`);
    expect(await a.cycle()).toMatchObject({ end: { kind: 'offline' } });
    a.git('remote', 'set-url', 'origin', remote);
    expect(await a.cycle()).toMatchObject({ end: 'shared', pushed: 1 });
    expect(ownCommits(a)).toHaveLength(1);
  });
});

describe('a commit of the person’s', () => {
  it('is never pushed: the issues wait for it, whatever the configuration says', async () => {
    const a = clone();
    for (const [key, value] of [
      ['push.default', 'matching'],
      ['push.followTags', 'true'],
      ['remote.origin.push', '+refs/*:refs/*'],
      ['remote.origin.mirror', 'true'],
      ['branch.main.pushRemote', 'origin'],
    ] as const) {
      a.git('config', key, value);
    }
    a.git('commit', '--quiet', '--allow-empty', '-m', 'secret');
    a.git('tag', '-a', 'v1', '-m', 'v1');
    a.git('branch', 'other');
    await a.change('t-a');
    expect(await a.cycle()).toMatchObject({
      end: {
        kind: 'blocked',
        message: 'the issues on main wait for your own push of 1 commit to origin',
        remedy: /git push/,
      },
      remote: 'origin',
    });
    await a.change('t-b');
    await a.cycle();
    expect(onRemote()).not.toContain('secret');
    expect(refs()).toBe('refs/heads/main');
    expect(ownCommits(a).map(({ subject }) => subject)).toEqual([
      'Auto-sync: 1 issue (t-b)',
      'Auto-sync: 1 issue (t-a)',
    ]);
    sandbox.git(a.directory, 'push', '--quiet', remote, 'main:main');
    a.git('fetch', '--quiet', 'origin', 'main:refs/remotes/origin/main');
    expect(await a.cycle()).toMatchObject({ end: 'shared', pushed: 0 });
    expect(a.store.outbox.pending().count).toBe(0);
  });

  it('counts as theirs although its message claims to be bd’s', async () => {
    const a = clone();
    a.write('code.txt', 'secret\n');
    a.git('commit', '--quiet', '-am', 'Auto-sync: 1 issue (t-x)\n\nBd-Seal: 1');
    await a.change('t-a');
    expect(await a.cycle()).toMatchObject({ end: { kind: 'blocked', message: /1 commit/ } });
    expect(onRemote()).toEqual(['Code', 'start']);
  });

  it('counts as theirs when it changes only issues, but without bd’s trailer', async () => {
    const a = clone();
    await a.change('t-a');
    a.git('add', '-A');
    a.git('commit', '--quiet', '-m', 'My own words');
    await a.change('t-b');
    expect(await a.cycle()).toMatchObject({ end: { kind: 'blocked', message: /1 commit/ } });
    expect(onRemote()).not.toContain('My own words');
  });
});

describe('a branch that cannot be pushed as it is', () => {
  it('waits for its first push', async () => {
    const a = clone();
    a.git('checkout', '--quiet', '-b', 'side');
    await a.change('t-a');
    const { end } = await a.cycle();
    expect(end).toMatchObject({ kind: 'blocked', remedy: /git push -u origin side/ });
    a.git('push', '--quiet', '-u', 'origin', 'side');
    expect(await a.cycle()).toMatchObject({ end: 'shared' });
    expect(onRemote('side')[0]).toBe('Auto-sync: 1 issue (t-a)');
  });

  it('is never pushed to a branch of another name', async () => {
    const a = clone();
    a.git('checkout', '--quiet', '-b', 'side', '--track', 'origin/main');
    await a.change('t-a');
    expect(await a.cycle()).toMatchObject({ end: { kind: 'blocked' } });
    expect(onRemote()[0]).toBe('Code');
  });

  it('waits for the user’s pull when the remote has more commits, and is pushed after it', async () => {
    const a = clone();
    const other = join(sandbox.directory, 'other');
    sandbox.git(sandbox.directory, 'clone', '--quiet', remote, other);
    sandbox.git(other, 'commit', '--quiet', '--allow-empty', '-m', 'Theirs');
    sandbox.git(other, 'push', '--quiet');
    await a.change('t-a');
    const before = a.git('for-each-ref', 'refs/remotes');
    expect(await a.cycle()).toMatchObject({ end: { kind: 'blocked', remedy: /git pull/ } });
    expect(a.git('for-each-ref', 'refs/remotes')).toBe(before);
    a.git('fetch', '--quiet');
    expect(await a.cycle()).toMatchObject({ end: { kind: 'blocked', remedy: /git pull/ } });
    a.git('pull', '--quiet', '--rebase');
    expect(await a.cycle()).toMatchObject({ end: 'shared', pushed: 1 });
    expect(onRemote().slice(0, 2)).toEqual(['Auto-sync: 1 issue (t-a)', 'Theirs']);
  });
});
