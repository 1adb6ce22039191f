import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, test } from 'vitest';
import { REAL_GIT } from '../support/real-git.ts';
import { openPlace } from '../../src/place/workspace-place.ts';
import type { SyncMode } from '../../src/core/sharing.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog, type Log } from '../../src/platform/log.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { eventually } from '../support/eventually.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
const { at } = sandbox;
let env: Record<string, string>;
let warnings: string[];
const log: Log = { ...silentLog, warn: (text) => void warnings.push(text) };

beforeEach(() => {
  env = { ...sandbox.env, USER: 'mia' };
  warnings = [];
  git('.', 'init', '-q', '-b', 'main', 'main');
  git('main', 'commit', '-qm', 'Begin', '--allow-empty');
});

const mirrorOf = (tree: string): string => at(tree, '.beads/beads.jsonl');
const shownIn = (tree: string): string => readFileSync(mirrorOf(tree), 'utf8');

const git = (tree: string, ...args: string[]): string => sandbox.git(at(tree), ...args);

async function make(mode: SyncMode): Promise<void> {
  const directory = at('main');
  const [clock, isLocal] = [systemClock, true];
  await initialise({ directory, prefix: 't', mode, isLocal, env, clock, log: silentLog });
}

function open(): Promise<Workspace> {
  return openWorkspace({ place: openPlace(at('main/.beads')), env, clock: systemClock, log });
}

async function create(workspace: Workspace, title: string): Promise<string> {
  const { issue_id: id } = await createCall(workspace)('create_issue', { issue: { title } });
  return id;
}

function commitAll(tree: string, message: string): void {
  git(tree, 'add', '-A');
  git(tree, 'commit', '-qm', message);
}

describe('in mode branch', () => {
  beforeEach(async () => {
    await make('branch');
    for (const tree of ['one', 'two']) git('main', 'worktree', 'add', '-q', at(tree));
    for (const tree of ['one', 'two']) mkdirSync(at(tree, '.beads'));
  });

  test('each worktree with a .beads directory gets the same bytes, and git sees nothing of them', async () => {
    await using workspace = await open();
    await create(workspace, 'First');
    await workspace.sync.flushMirror();
    expect(shownIn('main')).toContain('First');
    for (const tree of ['one', 'two']) {
      expect(shownIn(tree)).toBe(shownIn('main'));
      expect(git(tree, 'status', '--porcelain')).toBe('');
    }
  });

  test('what is edited in one is taken in once, and shown in all', async () => {
    await using workspace = await open();
    const id = await create(workspace, 'First');
    await workspace.sync.flushMirror();
    writeFileSync(mirrorOf('one'), shownIn('one').replace('"First"', '"By hand"'));
    expect(await workspace.sync.flushMirror()).toMatchObject({ imported: 1 });
    expect(workspace.store.issues.get(id)?.title).toBe('By hand');
    for (const tree of ['main', 'one', 'two']) expect(shownIn(tree)).toContain('"By hand"');
    expect(shownIn('two')).toBe(shownIn('main'));
    expect(await workspace.sync.flushMirror()).toMatchObject({ imported: 0, written: false });
  });

  test('different edits of one issue in two worktrees are both taken in', async () => {
    await using workspace = await open();
    const id = await create(workspace, 'First');
    await workspace.sync.flushMirror();
    writeFileSync(mirrorOf('one'), shownIn('one').replace('"First"', '"By hand"'));
    writeFileSync(mirrorOf('two'), shownIn('two').replace('"priority":2', '"priority":0'));
    await workspace.sync.flushMirror();
    expect(workspace.store.issues.get(id)).toMatchObject({ title: 'By hand', priority: 0 });
    for (const tree of ['one', 'two']) expect(shownIn(tree)).toBe(shownIn('main'));
  });

  test('worktrees come and go while the workspace is open', async () => {
    await using workspace = await open();
    await create(workspace, 'First');
    await workspace.sync.flushMirror();
    git('main', 'worktree', 'remove', '--force', at('one'));
    git('main', 'worktree', 'add', '-q', at('three'));
    mkdirSync(at('three/.beads'));
    await create(workspace, 'Second');
    await workspace.sync.flushMirror();
    expect(existsSync(at('one'))).toBe(false);
    expect(shownIn('three')).toBe(shownIn('main'));
    expect(warnings).toEqual([]);
  });

  test('one that cannot be used is reported once, and the others are written', async () => {
    rmSync(at('one/.beads'), { recursive: true });
    mkdirSync(at('one/.beads/beads.jsonl'), { recursive: true });
    await using workspace = await open();
    for (const title of ['First', 'Second']) {
      await create(workspace, title);
      await workspace.sync.flushMirror();
    }
    expect(shownIn('two')).toContain('Second');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(mirrorOf('one'));
    expect(workspace.sync.status().error).toBeNull();
  });

  test('nothing is read or written through a link', async () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere/beads.jsonl'), '{"id":"t-evil","title":"Evil"}\n');
    rmSync(at('one/.beads'), { recursive: true });
    symlinkSync(at('elsewhere'), at('one/.beads'));
    symlinkSync(at('elsewhere/beads.jsonl'), mirrorOf('two'));
    await using workspace = await open();
    await create(workspace, 'First');
    await workspace.sync.flushMirror();
    expect(workspace.store.issues.get('t-evil')).toBeUndefined();
    expect(readFileSync(at('elsewhere/beads.jsonl'), 'utf8')).not.toContain('First');
    expect(warnings.join()).toContain('symbolic link');
  });

  test('the daemon’s engine sees edits in all of them, also in one that came later', async () => {
    await using workspace = await open();
    await create(workspace, 'First');
    await workspace.sync.flushMirror();
    const stop = new AbortController();
    const running = workspace.sync.run(stop.signal);
    const titles = (): string[] => workspace.store.issues.linesAfter('', 9).map(({ line }) => line);
    try {
      writeFileSync(mirrorOf('two'), shownIn('two').replace('"First"', '"Second"'));
      await eventually(() => titles().join().includes('"Second"'));
      git('main', 'worktree', 'add', '-q', at('three'));
      mkdirSync(at('three/.beads'));
      workspace.sync.activity();
      await eventually(() => existsSync(mirrorOf('three')));
      await eventually(() => shownIn('three') === shownIn('main'));
      writeFileSync(mirrorOf('three'), shownIn('three').replace('"Second"', '"Third"'));
      await eventually(() => titles().join().includes('"Third"'));
      await eventually(() => shownIn('main').includes('"Third"'));
    } finally {
      stop.abort();
      await running;
    }
  });
});

describe('in mode worktree', () => {
  beforeEach(async () => {
    await make('worktree');
    await using workspace = await open();
    await create(workspace, 'First');
    await workspace.sync.flushMirror();
    commitAll('main', 'Issues');
    git('main', 'worktree', 'add', '-q', '-b', 'side', at('one'));
  });

  test('a new worktree stays as git checked it out, and gets what is changed afterwards', async () => {
    await using workspace = await open();
    await workspace.sync.flushMirror();
    expect(git('one', 'status', '--porcelain')).toBe('');
    await create(workspace, 'Second');
    await workspace.sync.flushMirror();
    expect(shownIn('one')).toBe(shownIn('main'));
    expect(git('one', 'status', '--porcelain')).toBe(' M .beads/beads.jsonl');
  });

  test('branches with different versions are checked out a hundred times without a refusal', async () => {
    await using workspace = await open();
    await create(workspace, 'Second');
    await workspace.sync.flushMirror();
    commitAll('main', 'More issues');
    git('one', 'checkout', '-q', '--', '.beads');
    git('main', 'checkout', '-qb', 'older', 'side');
    const stop = new AbortController();
    const running = workspace.sync.run(stop.signal);
    const flushing = (async () => {
      while (!stop.signal.aborted) await workspace.sync.flushMirror();
    })();
    const checkout = (branch: string) =>
      promisify(execFile)(REAL_GIT, ['checkout', '-q', branch], { cwd: at('main'), env });
    try {
      for (let turn = 0; turn < 100; turn++) await checkout(turn % 2 === 0 ? 'main' : 'older');
      await workspace.sync.flushMirror();
      expect(git('main', 'status', '--porcelain')).toBe('');
      expect(workspace.store.queries.count({})).toBe(2);
    } finally {
      stop.abort();
      await Promise.all([running, flushing]);
    }
  }, 60_000);

  test('a writer that never stops blocks neither a rebase nor branches with one version', async () => {
    git('main', 'checkout', '-qb', 'topic');
    writeFileSync(at('main/topic'), 'topic');
    git('main', 'add', 'topic');
    git('main', 'commit', '-qm', 'Topic');
    git('main', 'checkout', '-q', 'main');
    writeFileSync(at('main/file'), 'main');
    git('main', 'add', 'file');
    git('main', 'commit', '-qm', 'Main');
    await using workspace = await open();
    const stop = new AbortController();
    const running = workspace.sync.run(stop.signal);
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@b'];
    const gitBeside = (...args: string[]) =>
      promisify(execFile)(REAL_GIT, [...who, ...args], { cwd: at('main'), env });
    const enough = new AbortController();
    const writing = (async () => {
      while (!enough.signal.aborted) {
        await create(workspace, 'More');
        await workspace.sync.flushMirror();
      }
    })();
    try {
      for (let turn = 0; turn < 50; turn++) {
        await gitBeside('checkout', '-q', turn % 2 === 0 ? 'topic' : 'main');
      }
      enough.abort();
      await writing;
      await workspace.sync.flushMirror();
      const before = shownIn('main');
      await gitBeside('checkout', '-q', 'topic');
      await gitBeside('rebase', '-q', '--autostash', 'main');
      expect(git('main', 'stash', 'list')).toBe('');
      expect(shownIn('main')).toBe(before);
      await workspace.sync.syncNow({ isAsked: true });
      const shown = shownIn('main').trimEnd().split('\n');
      expect(shown).toHaveLength(workspace.store.queries.count({}));
    } finally {
      enough.abort();
      stop.abort();
      await Promise.all([running, writing]);
    }
  }, 60_000);

  test('while a worktree is in the middle of a merge, its file waits and the others do not', async () => {
    await using workspace = await open();
    writeFileSync(at('main/file'), 'ours');
    commitAll('main', 'Ours');
    writeFileSync(at('one/file'), 'theirs');
    commitAll('one', 'Theirs');
    expect(() => git('one', 'merge', 'main')).toThrow();
    const before = shownIn('one');
    const stop = new AbortController();
    const running = workspace.sync.run(stop.signal);
    try {
      await create(workspace, 'Second');
      await eventually(() => shownIn('main').includes('Second'));
      expect(await workspace.sync.flushMirror()).toMatchObject({ postponed: 'merge' });
      expect(shownIn('one')).toBe(before);
      git('one', 'merge', '--abort');
      await eventually(() => shownIn('one') === shownIn('main'));
    } finally {
      stop.abort();
      await running;
    }
  });
});
