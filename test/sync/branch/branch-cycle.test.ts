import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SyncBranch, createSyncBranch } from '../../../src/sync/branch/sync-branch.ts';
import { commitSubject } from '../../../src/sync/branch/branch-commit.ts';
import type { CycleStep } from '../../../src/sync/cycle.ts';
import type { Issue } from '../../../src/core/issue.ts';
import { createGit } from '../../../src/git/git.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import {
  classic,
  conflicts,
  createClone,
  createRemote,
  cycle,
  issue,
  line,
  lines,
  openClone,
  PROJECT,
  put,
  type Clone,
} from '../fixture.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
let open: Clone[];

beforeEach(() => {
  open = [];
});
afterEach(() => {
  for (const clone of open) clone.store.close();
});

function clone(name: string, options: Parameters<typeof createClone>[2] = {}): Clone {
  const made = createClone(sandbox, name, options);
  open.push(made);
  return made;
}

const later = (hour: number): string => `2026-01-02T${String(hour).padStart(2, '0')}:00:00.000Z`;
const remoteLines = (remote: string): string[] =>
  sandbox.git(remote, 'show', 'beads-sync:.beads/issues.jsonl').split('\n');
const commits = (repository: string, ref: string): number =>
  Number(sandbox.git(repository, 'rev-list', '--count', ref));
/** Everything of the repository that is the user's own. */
const fingerprint = ({ directory }: Clone): unknown => [
  sandbox.git(directory, 'rev-parse', 'HEAD'),
  sandbox.git(directory, 'symbolic-ref', 'HEAD'),
  sandbox.git(directory, 'for-each-ref', 'refs/heads', 'refs/tags', 'refs/stash'),
  sandbox.git(directory, 'ls-files', '--stage'),
  sandbox.git(directory, 'status', '--porcelain', '--', ':!.beads'),
  sandbox.git(directory, 'config', '--local', '--list'),
  sandbox.git(directory, 'worktree', 'list'),
  existsSync(join(directory, '.git', 'FETCH_HEAD')),
];

describe('two clones', () => {
  it('have the same issues after each has synced', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    put(b.store, issue('t-b'));
    expect(await cycle(a)).toMatchObject({
      end: 'shared',
      pushed: 1,
      imported: 0,
      remote: 'origin',
    });
    expect(await cycle(b)).toMatchObject({ end: 'shared', pushed: 1, imported: 1 });
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 0, imported: 1 });
    expect(classic(lines(a.store))).toEqual([line('t-a'), line('t-b')]);
    expect(lines(b.store)).toEqual(lines(a.store));
    expect(remoteLines(remote)).toEqual(lines(a.store));
  });

  it('do nothing more once they agree: no commit, no push', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    for (const each of [a, b, a, b]) await cycle(each);
    const refs = [remote, a.directory, b.directory].map((at) => sandbox.git(at, 'for-each-ref'));
    for (const each of [a, b]) {
      expect(await cycle(each)).toMatchObject({ end: 'shared', pushed: 0, imported: 0 });
    }
    expect([remote, a.directory, b.directory].map((at) => sandbox.git(at, 'for-each-ref'))).toEqual(
      refs,
    );
  });

  it('keep a history without merges, one commit per push', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    for (let round = 0; round < 3; round++) {
      put(a.store, issue(`t-a${round}`));
      put(b.store, issue(`t-b${round}`));
      await cycle(a);
      await cycle(b);
    }
    expect(commits(remote, 'beads-sync')).toBe(6);
    expect(sandbox.git(remote, 'rev-list', '--merges', 'beads-sync')).toBe('');
  });

  it('show the newer edit of an issue that both changed, on both sides', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    for (const each of [a, b]) await cycle(each);
    put(a.store, issue('t-a', { title: 'A', updated_at: later(2) }));
    put(b.store, issue('t-a', { title: 'B', updated_at: later(1) }));
    for (const each of [a, b, a]) await cycle(each);
    expect([a, b].map(({ store }) => store.issues.get('t-a')?.title)).toEqual(['A', 'A']);
  });

  it('keep a deletion that meets a newer edit', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    for (const each of [a, b]) await cycle(each);
    put(a.store, issue('t-a', { status: 'tombstone', updated_at: later(1) }));
    put(b.store, issue('t-a', { title: 'Edited', updated_at: later(9) }));
    for (const each of [b, a, b]) await cycle(each);
    expect([a, b].map(({ store }) => store.issues.get('t-a')?.status)).toEqual([
      'tombstone',
      'tombstone',
    ]);
    expect(remoteLines(remote)[0]).toContain('tombstone');
  });

  it('log what came from the other clone as remote', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    for (const each of [a, b]) await cycle(each);
    expect(b.store.events.read({ after: 0, limit: 9 })).toMatchObject([
      { issue_id: 't-a', kind: 'created', origin: 'remote' },
    ]);
    expect(b.store.outbox.pending().count).toBe(0);
  });
});

describe("the user's repository", () => {
  it('is unchanged, and the remote has exactly one new branch', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    writeFileSync(join(a.directory, 'staged.txt'), 'staged');
    sandbox.git(a.directory, 'add', 'staged.txt');
    writeFileSync(join(a.directory, 'staged.txt'), 'dirty');
    writeFileSync(join(a.directory, 'untracked.txt'), 'untracked');
    for (const [key, value] of [
      ['push.default', 'matching'],
      ['push.followTags', 'true'],
      ['remote.origin.push', '+refs/*:refs/*'],
      ['remote.origin.mirror', 'true'],
      ['remote.origin.tagOpt', '--tags'],
      ['fetch.prune', 'true'],
      ['commit.gpgsign', 'true'],
      ['gpg.program', '/bin/false'],
      ['core.logAllRefUpdates', 'always'],
    ] as const) {
      sandbox.git(a.directory, 'config', key, value);
    }
    sandbox.git(a.directory, 'tag', 'v1');
    const before = fingerprint(a);
    for (let change = 0; change < 5; change++) {
      put(a.store, issue(`t-${change}`));
      expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
    }
    expect(fingerprint(a)).toEqual(before);
    expect(sandbox.git(remote, 'for-each-ref', '--format=%(refname)')).toBe(
      'refs/heads/beads-sync',
    );
    expect(sandbox.git(remote, 'log', '--format=%an <%ae>', 'beads-sync')).not.toContain('Ann');
  });

  it('gets no remote-tracking branch from a fetch of ours', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    await cycle(a);
    expect(await cycle(b)).toMatchObject({ imported: 1 });
    expect(sandbox.git(b.directory, 'for-each-ref', '--format=%(refname)')).toBe(
      'refs/bd/remote\nrefs/bd/sync\nrefs/heads/main',
    );
  });

  it('runs none of its hooks', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    const ran = join(sandbox.directory, 'ran');
    for (const hook of ['pre-push', 'reference-transaction', 'pre-commit', 'post-commit']) {
      const path = join(a.directory, '.git', 'hooks', hook);
      mkdirSync(join(a.directory, '.git', 'hooks'), { recursive: true });
      writeFileSync(path, `#!/bin/sh\necho ${hook} >> '${ran}'\nexit 1\n`);
      chmodSync(path, 0o755);
    }
    put(a.store, issue('t-a'));
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
    expect(existsSync(ran)).toBe(false);
  });

  it('needs no commit of its own, and can be in the middle of anything', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    sandbox.git(a.directory, 'checkout', '--quiet', '--orphan', 'unborn');
    writeFileSync(join(a.directory, '.git', 'index.lock'), '');
    writeFileSync(join(a.directory, '.git', 'MERGE_HEAD'), '');
    put(a.store, issue('t-a'));
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
  });
});

describe('the branch', () => {
  it('holds the issues, their format and a word to people, and nothing else', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    put(a.store, issue('t-a'), issue('t-b'));
    await cycle(a);
    const files = sandbox.git(remote, 'ls-tree', '-r', '--name-only', 'beads-sync').split('\n');
    expect(files).toEqual(['.beads/format.json', '.beads/issues.jsonl', 'README.md']);
    const format = sandbox.git(remote, 'show', 'beads-sync:.beads/format.json');
    expect(JSON.parse(format)).toEqual({
      format: 1,
      project_id: PROJECT.projectId,
      prefix: PROJECT.prefix,
    });
    expect(sandbox.git(remote, 'log', '-1', '--format=%s%n%b', 'beads-sync')).toBe(
      'bd: 2 issues (t-a, t-b)\nBd-Seal: 1',
    );
    expect(sandbox.git(remote, 'fsck', '--strict')).toBe('');
  });

  it('keeps its other files', async () => {
    const remote = createRemote(sandbox);
    const other = clone('other', { remote });
    mkdirSync(join(other.directory, 'src'));
    for (const name of ['README.md', 'src/main.c', '.beads/notes.txt', 'gr\u00fcn.txt']) {
      writeFileSync(join(other.directory, name), name);
      sandbox.git(other.directory, 'add', '--force', name);
    }
    sandbox.git(other.directory, 'commit', '--quiet', '-m', 'theirs');
    sandbox.git(other.directory, 'push', '--quiet', 'origin', 'HEAD:refs/heads/beads-sync');
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
    expect(sandbox.git(remote, 'diff-tree', '-r', '--name-only', 'beads-sync^', 'beads-sync')).toBe(
      '.beads/format.json\n.beads/issues.jsonl',
    );
  });

  it('of another project is left alone, and nothing is taken from it', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    const b = clone('b', { remote, project: { projectId: 'another', prefix: 'x' } });
    put(a.store, issue('t-a'));
    put(b.store, issue('x-b'));
    await cycle(a);
    const tip = sandbox.git(remote, 'rev-parse', 'beads-sync');
    const { end } = await cycle(b);
    expect(end).toMatchObject({
      kind: 'blocked',
      message: expect.stringContaining(PROJECT.projectId) as unknown,
    });
    expect(classic(lines(b.store))).toEqual([line('x-b')]);
    expect(sandbox.git(remote, 'rev-parse', 'beads-sync')).toBe(tip);
  });

  it('of a newer format is left alone', async () => {
    const remote = createRemote(sandbox);
    const other = clone('other', { remote });
    writeFileSync(join(other.beadsDir, 'format.json'), '{"format":3}');
    sandbox.git(other.directory, 'add', '--force', '.beads/format.json');
    sandbox.git(other.directory, 'commit', '--quiet', '-m', 'newer');
    sandbox.git(other.directory, 'push', '--quiet', 'origin', 'HEAD:refs/heads/beads-sync');
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    expect((await cycle(a)).end).toMatchObject({ kind: 'blocked' });
    expect(commits(remote, 'beads-sync')).toBe(2);
  });

  it('with broken lines gives the good ones, and the broken are kept', async () => {
    const remote = createRemote(sandbox);
    const other = clone('other', { remote });
    writeFileSync(join(other.beadsDir, 'issues.jsonl'), `${line('t-a')}\n{"id":"t-b","ti\n`);
    sandbox.git(other.directory, 'add', '--force', '.beads/issues.jsonl');
    sandbox.git(other.directory, 'commit', '--quiet', '-m', 'by hand');
    sandbox.git(other.directory, 'push', '--quiet', 'origin', 'HEAD:refs/heads/beads-sync');
    const a = clone('a', { remote });
    const report = await cycle(a);
    expect(report).toMatchObject({ end: 'shared', imported: 1 });
    expect(report.problems.map(({ line }) => line)).toEqual([2]);
    expect(existsSync(report.quarantine!)).toBe(true);
  });

  it('with lines that this bd cannot read keeps them there, beside ours', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'), issue('t-b'));
    for (const each of [a, b]) await cycle(each);
    const future = '{"id":"t-b","title":"From a newer bd","priority":"urgent"}';
    pushLines(b, [lines(b.store)[0] ?? '', future, '{"half']);
    expect((await cycle(a)).problems).toHaveLength(2);
    put(a.store, issue('t-a', { title: 'Edited', updated_at: later(1) }));
    expect((await cycle(a)).problems).toEqual([]);
    expect(remoteLines(remote)).toEqual([lines(a.store)[0], future, lines(a.store)[1], '{"half']);
    expect(a.store.issues.get('t-b')?.title).toBe('Title of t-b');
    // A clone that can read it has mended it.
    pushLines(b, [lines(a.store)[0] ?? '', line('t-b', { title: 'Mended', updated_at: later(2) })]);
    await cycle(a);
    expect(remoteLines(remote)).toEqual(lines(a.store));
  });

  it('rewritten by a tool that drops _bd: only what it changed is new, alike on all clones', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a', { labels: ['one'] }), issue('t-b'));
    for (const each of [a, b]) await cycle(each);
    put(b.store, issue('t-a', { labels: ['one'], notes: 'Unsent', updated_at: later(1) }));
    const classicA = line('t-a', { labels: ['two'], priority: 0, updated_at: later(2) });
    pushLines(a, [classicA, line('t-b')]);
    for (const each of [b, a, b]) await cycle(each);
    expect(a.store.issues.get('t-a')).toMatchObject({
      labels: ['two'],
      priority: 0,
      notes: 'Unsent',
    });
    expect(lines(b.store)).toEqual(lines(a.store));
    expect(remoteLines(remote)).toEqual(lines(a.store));
    expect(conflicts(a.store, 't-a')).toEqual([]);
  });

  it('rewritten by a tool that had not seen the last edits: they stay shown, and its values are kept as conflicts', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a', { title: 'Old' }));
    for (const each of [a, b]) await cycle(each);
    put(a.store, issue('t-a', { title: 'New', labels: ['new'], updated_at: later(3) }));
    for (const each of [a, b]) await cycle(each);
    pushLines(b, [line('t-a', { title: 'Old', priority: 0, updated_at: later(1) })]);
    for (const each of [a, b, a]) await cycle(each);
    expect(a.store.issues.get('t-a')).toMatchObject({ title: 'New', labels: ['new'] });
    expect(conflicts(a.store, 't-a')).toEqual(['priority: 0 | 2', 'title: "New" | "Old"']);
    expect(lines(b.store)).toEqual(lines(a.store));
  });

  it('that lost issues gets them back, and no absence deletes here', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'), issue('t-b'));
    for (const each of [a, b]) await cycle(each);
    writeFileSync(join(b.beadsDir, 'issues.jsonl'), `${line('t-b')}\n`);
    sandbox.git(b.directory, 'add', '--force', '.beads/issues.jsonl');
    sandbox.git(b.directory, 'commit', '--quiet', '-m', 'shorter');
    sandbox.git(b.directory, 'push', '--quiet', '--force', 'origin', 'HEAD:refs/heads/beads-sync');
    expect(await cycle(a)).toMatchObject({ end: 'shared', imported: 0 });
    expect(classic(remoteLines(remote))).toEqual([line('t-a'), line('t-b')]);
  });
});

describe('a push that came second', () => {
  it('is made again on top of the first, with the issues of both', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    put(b.store, issue('t-b'));
    let races = 0;
    const racing: SyncBranch = {
      ...a.branch,
      async push(...push) {
        if (races++ === 0) await cycle(b);
        return a.branch.push(...push);
      },
    };
    expect(await cycle(a, racing)).toMatchObject({ end: 'shared', imported: 1, pushed: 1 });
    expect(races).toBe(2);
    expect(classic(remoteLines(remote))).toEqual([line('t-a'), line('t-b')]);
    expect(commits(remote, 'beads-sync')).toBe(2);
  });

  it('gives up after some tries, and nothing is lost', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    const losing: SyncBranch = {
      ...a.branch,
      push: () => Promise.resolve({ kind: 'race', reason: 'too late' }),
    };
    expect((await cycle(a, losing)).end).toMatchObject({ kind: 'failed' });
    expect(a.store.outbox.pending().count).toBe(1);
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
  });

  it('happens to four clones that push at once, and all issues arrive', async () => {
    const remote = createRemote(sandbox);
    const clones = Array.from({ length: 4 }, (_, at) => clone(`c${at}`, { remote }));
    clones.forEach(({ store }, at) => put(store, issue(`t-${at}`)));
    await Promise.all(clones.map((each) => cycle(each)));
    for (const each of clones) expect((await cycle(each)).end).toBe('shared');
    expect(classic(remoteLines(remote))).toEqual([0, 1, 2, 3].map((at) => line(`t-${at}`)));
  });
});

describe('a push whose arrival was not noted', () => {
  const dying = (branch: SyncBranch): SyncBranch => ({
    ...branch,
    async push(...args) {
      await branch.push(...args);
      throw new Error('the power went');
    },
  });
  const writing = (branch: SyncBranch, write: () => void): SyncBranch => ({
    ...branch,
    push(...args) {
      write();
      return branch.push(...args);
    },
  });

  it.each(['with its answer', 'without it'])('%s is theirs to take back', async (how) => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(a.store, issue('t-a'));
    for (const each of [a, b]) await cycle(each);
    const replica = a.store.replica.id();
    const write = (fields: Partial<Issue>): void =>
      put(a.store, issue('t-a', { ...fields, updated_at: later(1) }));
    write({ labels: ['ours'] });
    const edit = (): void => write({ labels: ['ours'], title: 'Meanwhile' });
    await cycle(a, how === 'without it' ? dying(a.branch) : writing(a.branch, edit));
    if (how === 'without it') edit();
    await cycle(b);
    put(b.store, issue('t-a', { updated_at: later(2) }));
    for (const each of [b, a, b]) await cycle(each);
    expect(a.store.issues.get('t-a')).toMatchObject({ title: 'Meanwhile' });
    expect(a.store.issues.get('t-a')).not.toHaveProperty('labels');
    expect(a.store.replica.id()).toBe(replica);
    expect(lines(b.store)).toEqual(lines(a.store));
  });
});

describe('a cycle that died', () => {
  const STEPS: CycleStep[] = [
    'fetched',
    'taken in',
    'objects written',
    'committed',
    'pushed',
    'noted',
  ];

  it.each(STEPS)(
    'when it was %s is repeated without harm, here and in a new process',
    async (step) => {
      const remote = createRemote(sandbox);
      const [a, b] = [clone('a', { remote }), clone('b', { remote })];
      put(b.store, issue('t-b'));
      await cycle(b);
      put(a.store, issue('t-a'));
      const dies = (at: CycleStep): void => {
        if (at === step) throw new Error('the power went');
      };
      expect((await cycle(a, a.branch, dies)).end).toMatchObject({ kind: 'failed' });
      a.store.close();
      open.splice(open.indexOf(a), 1);
      const again = openClone(sandbox, a.directory);
      open.push(again);
      expect(await cycle(again)).toMatchObject({ end: 'shared' });
      expect(again.store.outbox.pending().count).toBe(0);
      expect(classic(remoteLines(remote))).toEqual([line('t-a'), line('t-b')]);
      expect(commits(remote, 'beads-sync')).toBe(2);
      put(again.store, issue('t-c'));
      expect((await cycle(again, again.branch, dies)).end).toMatchObject({ kind: 'failed' });
      expect(await cycle(again)).toMatchObject({ end: 'shared' });
      expect(commits(remote, 'beads-sync')).toBe(3);
      expect(await cycle(again)).toMatchObject({ end: 'shared', pushed: 0 });
      expect(commits(remote, 'beads-sync')).toBe(3);
    },
  );
});

describe('where the remote fails', () => {
  it('offline: pending changes are committed here, and pushed when the remote is back', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    await cycle(a);
    renameSync(remote, `${remote}.gone`);
    put(a.store, issue('t-b'));
    expect((await cycle(a)).end).toMatchObject({ kind: 'offline' });
    expect(a.store.outbox.pending().count).toBe(1);
    const local = sandbox.git(a.directory, 'show', 'refs/bd/sync:.beads/issues.jsonl');
    expect(classic(local.split('\n'))).toEqual([line('t-a'), line('t-b')]);
    await cycle(a);
    renameSync(`${remote}.gone`, remote);
    expect(await cycle(a)).toMatchObject({ end: 'shared', pushed: 1 });
    expect(commits(remote, 'beads-sync')).toBe(2);
  });

  it('refusing: the reason of its hook is reported', async () => {
    const remote = createRemote(sandbox);
    const hook = join(remote, 'hooks', 'pre-receive');
    mkdirSync(join(remote, 'hooks'), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\necho "no robots here" >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    const { end } = await cycle(a);
    expect(end).toMatchObject({
      kind: 'rejected',
      message: expect.stringContaining('no robots here') as unknown,
    });
    expect(a.store.outbox.pending().count).toBe(1);
  });
});

describe('without sharing', () => {
  it('commits here when there is no remote, and sends it all once there is one', async () => {
    const a = clone('a');
    put(a.store, issue('t-a'));
    expect(await cycle(a)).toMatchObject({ end: 'no_remote', pushed: 1, remote: undefined });
    put(a.store, issue('t-b'));
    await cycle(a);
    await cycle(a);
    expect(commits(a.directory, 'refs/bd/sync')).toBe(2);
    const remote = createRemote(sandbox);
    sandbox.git(a.directory, 'remote', 'add', 'elsewhere', remote);
    expect(await cycle(a)).toMatchObject({ end: 'shared', remote: 'elsewhere' });
    expect(classic(remoteLines(remote))).toEqual([line('t-a'), line('t-b')]);
  });

  it('neither fetches nor sends while sharing is off', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(b.store, issue('t-b'));
    await cycle(b);
    a.settings.push = false;
    put(a.store, issue('t-a'));
    expect(await cycle(a)).toMatchObject({ end: 'off', imported: 0, pushed: 1 });
    expect(classic(remoteLines(remote))).toEqual([line('t-b')]);
    expect(sandbox.git(a.directory, 'for-each-ref', '--format=%(refname)', 'refs/bd')).toBe(
      'refs/bd/sync',
    );
  });

  it('makes no commit for an empty store', async () => {
    const a = clone('a');
    await cycle(a);
    expect(sandbox.git(a.directory, 'for-each-ref', 'refs/bd')).toBe('');
  });
});

it('publishes an empty project, so that a teammate joins it instead of beginning another', async () => {
  const a = clone('a', { remote: createRemote(sandbox) });
  await cycle(a);
  expect(sandbox.git(a.directory, 'ls-remote', '--heads', 'origin')).toContain('beads-sync');
});

describe('a store that was lost', () => {
  it('is restored from what it had committed, even while the remote is away', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    await cycle(a);
    renameSync(remote, `${remote}.gone`);
    put(a.store, issue('t-b'));
    await cycle(a);
    a.store.close();
    open = [];
    for (const suffix of ['', '-wal', '-shm']) {
      renameOrSkip(join(a.beadsDir, `beads.db${suffix}`));
    }
    const again = openClone(sandbox, a.directory);
    open.push(again);
    expect(await cycle(again)).toMatchObject({ end: { kind: 'offline' }, imported: 2 });
    expect(classic(lines(again.store))).toEqual([line('t-a'), line('t-b')]);
    renameSync(`${remote}.gone`, remote);
    await cycle(again);
    expect(classic(remoteLines(remote))).toEqual([line('t-a'), line('t-b')]);
  });
});

describe('a store that was put back from a copy', () => {
  it('shares what it had committed after the backup', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    await cycle(a);
    a.store.close();
    const database = join(a.beadsDir, 'beads.db');
    copyFileSync(database, `${database}.copy`);
    const later = openClone(sandbox, a.directory);
    renameSync(remote, `${remote}.gone`);
    put(later.store, issue('t-b'));
    await cycle(later);
    later.store.close();
    copyFileSync(`${database}.copy`, database);
    renameSync(`${remote}.gone`, remote);
    const again = openClone(sandbox, a.directory);
    open = [again];
    expect(await cycle(again)).toMatchObject({ end: 'shared', imported: 1 });
    expect(classic(remoteLines(remote))).toEqual([line('t-a'), line('t-b')]);
  });
});

/** As another tool leaves the branch: a commit of its own on top, with these lines. */
function pushLines(at: Clone, rows: readonly string[]): void {
  const git = (...args: string[]): string => sandbox.git(at.directory, ...args);
  git('fetch', '--quiet', 'origin', 'beads-sync');
  git('checkout', '--quiet', '--detach', 'FETCH_HEAD');
  writeFileSync(join(at.beadsDir, 'issues.jsonl'), rows.map((row) => `${row}\n`).join(''));
  git('add', '--force', '.beads/issues.jsonl');
  git('commit', '--quiet', '-m', 'by another tool');
  git('push', '--quiet', 'origin', 'HEAD:refs/heads/beads-sync');
}

function renameOrSkip(path: string): void {
  if (existsSync(path)) renameSync(path, `${path}.lost`);
}

describe('which remote and project', () => {
  const branchOf = (a: Clone, remote?: string): SyncBranch =>
    createSyncBranch({
      git: createGit({ gitDir: join(a.directory, '.git'), env: sandbox.env }),
      project: PROJECT,
      clock: systemClock,
      names: { remote },
    });

  it('is the one that the settings name, else the followed one, else origin, else the only one', async () => {
    const a = clone('a');
    const { directory } = a;
    expect(await branchOf(a).remote()).toBeUndefined();
    sandbox.git(directory, 'remote', 'add', 'only', '/x');
    expect(await branchOf(a).remote()).toBe('only');
    sandbox.git(directory, 'remote', 'add', 'second', '/y');
    expect(await branchOf(a).remote()).toBeUndefined();
    sandbox.git(directory, 'remote', 'add', 'origin', '/z');
    expect(await branchOf(a).remote()).toBe('origin');
    sandbox.git(directory, 'config', 'branch.main.remote', 'second');
    expect(await branchOf(a).remote()).toBe('second');
    expect(await branchOf(a, 'only').remote()).toBe('only');
  });

  it('is found in a clone that fetched the branch, and in one that did not', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    expect(await branchOf(a).findProject()).toBeUndefined();
    put(a.store, issue('t-a'));
    await cycle(a);
    const full = join(sandbox.directory, 'full');
    sandbox.git(sandbox.directory, 'clone', '--quiet', remote, full);
    const bare = clone('bare', { remote });
    for (const directory of [full, bare.directory]) {
      expect(await branchOf({ ...a, directory }).findProject()).toEqual(PROJECT);
    }
    expect(await bare.branch.tips()).toMatchObject({ theirs: expect.any(String) as unknown });
  });
});

describe('commitSubject', () => {
  it.each([
    [{ count: 0, ids: [] }, 'bd: bring the branch up to date'],
    [{ count: 1, ids: ['t-a'] }, 'bd: 1 issue (t-a)'],
    [{ count: 3, ids: ['t-a', 't-b'] }, 'bd: 3 issues (t-a, t-b, …)'],
  ])('%j', (pending, subject) => {
    expect(commitSubject(pending)).toBe(subject);
  });
});
