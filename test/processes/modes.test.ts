import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { REAL_GIT } from '../support/real-git.ts';
import {
  createTestWorkspace,
  type TestProject,
  type TestWorkspace,
} from '../support/test-workspace.ts';

const MIRROR = '.beads/beads.jsonl';

/** How often person and daemon take turns. */
const TURNS = Number(process.env['COMMIT_TURNS'] ?? 8);

interface Status {
  sync: { state: string; pending: number; error: string | null; remedy: string | null };
}

const statusOf = async (project: TestProject) => (await project.bdJson<Status>(['status'])).sync;

/** All that was done is committed, and nothing more is under way. */
async function settled(project: TestProject): Promise<void> {
  await eventually(async () => (await statusOf(project)).state === 'ok');
}

const write = (project: TestProject, name: string, content: string): void =>
  writeFileSync(join(project.directory, name), content);

/** A project whose issues bd commits on `main`, with the settings that its person committed. */
async function createCheckedOut(): Promise<TestWorkspace> {
  const world = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  write(world, 'code.txt', 'one\n');
  world.git('add', 'code.txt');
  world.git('commit', '-q', '-m', 'Code');
  world.git('push', '-q', '-u', 'origin', 'HEAD:main');
  await world.bdText(['init', '--prefix', 't', '--mode', 'checked-out']);
  world.git('add', '.beads');
  world.git('commit', '-q', '-m', 'Settings');
  world.git('push', '-q');
  return world;
}

/** Commits of bd's, the latest first, each with the files that it touches. */
function ownCommits(project: TestProject): string[] {
  const log = project.git('log', '--author=bd@localhost', '--format=|%s', '--name-only');
  return log
    .split('|')
    .slice(1)
    .map((commit) => commit.trim().replace(/\s*\n+/g, ' '));
}

describe('with bd committing on the branch that is checked out', () => {
  test('a daemon commits and pushes by itself, and what the person has in hand stays as it is', async () => {
    await using world = await createCheckedOut();
    write(world, 'staged.txt', 'staged');
    world.git('add', 'staged.txt');
    write(world, 'code.txt', 'dirty\n');
    write(world, 'untracked.txt', 'untracked');
    const before = world.git('status', '--porcelain');
    await world.bdText(['create', 'One', '--id', 't-1']);
    await settled(world);
    expect(world.git('status', '--porcelain')).toBe(before);
    expect(world.git('diff', '--cached', '--name-only')).toBe('staged.txt');
    expect(ownCommits(world)).toEqual([`Auto-sync: 1 issue (t-1) ${MIRROR}`]);
    expect(world.git('rev-parse', 'main')).toBe(world.git('rev-parse', 'origin/main'));
  });

  test('a commit in an editor goes through, and the issues follow it', async () => {
    await using world = await createCheckedOut();
    const [opened, close] = [join(world.root, 'opened'), join(world.root, 'close')];
    const editor = join(world.root, 'editor');
    const wait = `while [ ! -e '${close}' ]; do sleep 0.05; done`;
    writeFileSync(editor, `#!/bin/sh\ntouch '${opened}'\n${wait}\necho Mine > "$1"\n`);
    chmodSync(editor, 0o755);
    write(world, 'code.txt', 'two\n');
    const env = { ...world.env, GIT_EDITOR: editor };
    const committing = spawn(REAL_GIT, ['commit', '-q', '-a'], {
      cwd: world.directory,
      env,
      stdio: 'ignore',
    });
    await eventually(() => existsSync(opened));
    await world.bdText(['create', 'One', '--id', 't-1']);
    await world.bd(['sync']);
    const status = await statusOf(world);
    expect(status).toMatchObject({ state: 'blocked', pending: 1 });
    // With -a git holds the index meanwhile, otherwise nothing: both are waited for.
    expect(status.error).toMatch(/open in an editor|index\.lock/);
    writeFileSync(close, '');
    expect(await once(committing, 'exit')).toEqual([0, null]);
    await eventually(() => ownCommits(world).length === 1);
    expect(world.git('log', '-2', '--format=%s')).toBe('Auto-sync: 1 issue (t-1)\nMine');
    expect(world.git('status', '--porcelain')).toBe('');
  });

  test('a rebase that stopped at a conflict goes on, and the issues follow it', async () => {
    await using world = await createCheckedOut();
    world.git('checkout', '-q', '-b', 'side');
    write(world, 'code.txt', 'side\n');
    world.git('commit', '-q', '-am', 'Side');
    world.git('checkout', '-q', 'main');
    write(world, 'code.txt', 'main\n');
    world.git('commit', '-q', '-am', 'Main');
    world.git('checkout', '-q', 'side');
    expect(() => world.git('rebase', 'main')).toThrow();
    await world.bdText(['create', 'One', '--id', 't-1']);
    await world.bd(['sync']);
    expect(await statusOf(world)).toMatchObject({ state: 'blocked', error: /rebase/ });
    expect(ownCommits(world)).toEqual([]);
    write(world, 'code.txt', 'both\n');
    world.git('add', 'code.txt');
    world.git('-c', 'core.editor=true', 'rebase', '--continue');
    await eventually(() => ownCommits(world).length === 1);
    expect(world.git('log', '-3', '--format=%s')).toBe('Auto-sync: 1 issue (t-1)\nSide\nMain');
    expect(world.git('status', '--porcelain')).toBe('');
  });

  test('person and daemon commit by turns: neither has anything of the other’s', async () => {
    await using world = await createCheckedOut();
    const theirs: string[] = [];
    for (let round = 0; round < TURNS; round++) {
      write(world, 'code.txt', `round ${round}\n`);
      if (round % 3 === 0) await patiently(() => world.git('add', 'code.txt'));
      await world.bdText(['create', `Round ${round}`, '--id', `t-${round}`]);
      if (round % 2 === 0) await eventually(() => ownCommits(world).length > round / 2);
      await patiently(() => world.git('commit', '-q', '-m', `Round ${round}`, '--', 'code.txt'));
      theirs.push(`Round ${round}`);
    }
    await world.bd(['sync']);
    await eventually(() => world.git('show', `HEAD:${MIRROR}`).includes(`"t-${TURNS - 1}"`));
    expect(world.git('status', '--porcelain')).toBe('');
    for (const commit of ownCommits(world)) expect(commit.endsWith(`) ${MIRROR}`)).toBe(true);
    const log = world.git('log', '--author=Tester', '--reverse', '--format=%s', '--', 'code.txt');
    expect(log.split('\n').slice(1)).toEqual(theirs);
    expect(world.git('log', '--author=Tester', '--format=%s', '--', MIRROR)).toBe('');
    expect(() => world.git('fsck', '--strict')).not.toThrow();
  });

  test('what the person did not push is not pushed, and the issues wait for it', async () => {
    await using world = await createCheckedOut();
    world.git('commit', '-q', '--allow-empty', '-m', 'secret');
    await world.bdText(['create', 'One', '--id', 't-1']);
    expect((await world.bd(['sync'])).exitCode).toBe(1);
    expect(await statusOf(world)).toMatchObject({
      state: 'blocked',
      pending: 1,
      error: 'the issues on main wait for your own push of 1 commit to origin',
    });
    const onRemote = (): string => world.git('ls-remote', 'origin', 'refs/heads/main');
    expect(onRemote()).toContain(world.git('rev-parse', 'main~2'));
    world.git('push', '-q');
    await world.bdText(['sync']);
    expect(await statusOf(world)).toMatchObject({ state: 'ok', pending: 0, error: null });
  });
});

/** As a person does it whose git was told that another one holds a lock: once more. */
function patiently(command: () => string): Promise<boolean> {
  return eventually(() => {
    command();
    return true;
  });
}

test('a running daemon goes from mode to mode, and every issue is there in each', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  world.git('push', '-q', '-u', 'origin', 'HEAD:main');
  await world.bdText(['init', '--prefix', 't']);
  await world.bdText(['create', 'One', '--id', 't-1']);
  const pid = world.daemonPid();
  expect(pid).toBeDefined();
  const modes = ['worktree', 'checked-out', 'branch', 'checked-out', 'worktree', 'branch'];
  for (const [at, mode] of modes.entries()) {
    await Promise.all([
      world.bdText(['config', 'set', 'sync.mode', mode]),
      world.bdText(['create', 'Beside', '--id', `t-beside-${at}`]),
    ]);
    await world.bdText(['create', 'After', '--id', `t-after-${at}`]);
    await world.bd(['sync']);
    expect(await world.bdText(['config', 'get', 'sync.mode'])).toBe(`${mode}\n`);
    const where = { worktree: '', branch: 'origin', 'checked-out': 'HEAD' }[mode];
    const shown = where === 'HEAD' ? headFile(world) : where === 'origin' ? branchFile(world) : '';
    if (where !== '') expect(shown).toContain(`"t-after-${at}"`);
    if (where !== '') expect(shown).toContain(`"t-beside-${at}"`);
  }
  expect(world.daemonPid()).toBe(pid);
  const count = modes.length * 2 + 1;
  expect(await world.bdJson<unknown[]>(['list', '--limit', '0'])).toHaveLength(count);
  const branch = branchFile(world).trim().split('\n');
  expect(branch).toHaveLength(count);
  expect(readMirror(world)).toBe(`${branch.join('\n')}\n`);
});

const headFile = (project: TestProject): string =>
  project.git('show', `HEAD:${mirrorName(project)}`);
const branchFile = (project: TestProject): string =>
  project.git('show', 'refs/bd/sync:.beads/issues.jsonl');
const readMirror = (project: TestProject): string =>
  readFileSync(join(project.directory, mirrorName(project)), 'utf8');

function mirrorName({ beadsDir }: TestProject): string {
  const metadata = JSON.parse(readFileSync(join(beadsDir, 'metadata.json'), 'utf8')) as {
    jsonl_export: string;
  };
  return `.beads/${metadata.jsonl_export}`;
}
