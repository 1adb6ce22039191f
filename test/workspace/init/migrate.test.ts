import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openPlace } from '../../../src/place/workspace-place.ts';
import type { SyncMode } from '../../../src/core/sharing.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { silentLog } from '../../../src/platform/log.ts';
import { initialise } from '../../../src/workspace/init/initialise.ts';
import { createCall } from '../../../src/workspace/operations/table.ts';
import { openWorkspace } from '../../../src/workspace/workspace.ts';
import { REAL_GIT } from '../../support/real-git.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;
let env: Record<string, string>;
let remote: string;

beforeEach(() => {
  env = { ...sandbox.env, USER: 'mia' };
  remote = at('remote.git');
  git(sandbox.directory, 'init', '-q', '--bare', '-b', 'main', remote);
});

async function project(name: string, mode: SyncMode, { isCommitted = false } = {}) {
  const directory = at(name);
  git(sandbox.directory, 'clone', '-q', remote, directory);
  git(directory, 'config', 'user.name', name);
  git(directory, 'config', 'user.email', `${name}@example.com`);
  git(directory, 'commit', '-q', '--allow-empty', '-m', 'Begin');
  git(directory, 'push', '-q', '-u', 'origin', 'HEAD:main');
  const around = { env, clock: systemClock, log: silentLog };
  await initialise({ directory, prefix: 't', isLocal: false, mode, ...around });
  if (isCommitted) {
    await create(directory, 'First');
    git(directory, 'add', '.beads');
    git(directory, 'commit', '-qm', 'Issues');
    git(directory, 'push', '-q');
  }
  return directory;
}

const open = (directory: string) =>
  openWorkspace({
    place: openPlace(join(directory, '.beads')),
    env,
    clock: systemClock,
    log: silentLog,
  });

async function create(directory: string, title: string): Promise<string> {
  await using workspace = await open(directory);
  const { issue_id: id } = await createCall(workspace)('create_issue', { issue: { title } });
  return id;
}

async function migrate(directory: string, to: SyncMode, { dryRun = false } = {}) {
  await using workspace = await open(directory);
  return await createCall(workspace)('migrate', { to, dry_run: dryRun });
}

async function titles(directory: string): Promise<string[]> {
  await using workspace = await open(directory);
  const { issues } = await createCall(workspace)('list_issues', {});
  return issues.map(({ title }) => title).sort();
}

const onBranch = (): string => git(remote, 'show', 'beads-sync:.beads/issues.jsonl');

/** Every file that is the person's or shared, by path; what belongs to the machine is left out. */
function files(directory: string): Record<string, string> {
  const names = ['config.yaml', 'metadata.json', '.gitignore', '.gitattributes', 'README.md'];
  const mirrors = readdirSync(join(directory, '.beads')).filter((name) => name.endsWith('.jsonl'));
  const paths = [
    ...[...names, ...mirrors].map((name) => join('.beads', name)),
    '.git/info/exclude',
    '.git/HEAD',
  ].filter((path) => existsSync(join(directory, path)));
  return {
    ...Object.fromEntries(paths.map((path) => [path, readFileSync(join(directory, path), 'utf8')])),
    config: git(directory, 'config', '--local', '--list'),
    index: git(directory, 'ls-files', '--stage'),
    head: git(directory, 'rev-parse', 'HEAD'),
  };
}

describe('from a file that git tracks to a branch', () => {
  test('only settings change, and the person gets the commands for the rest', async () => {
    const directory = await project('mia', 'worktree', { isCommitted: true });
    await create(directory, 'Second');
    const tracked = readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8');
    const [head, index] = [git(directory, 'rev-parse', 'HEAD'), git(directory, 'ls-files', '-s')];
    const report = await migrate(directory, 'branch');
    expect(report).toMatchObject({ from: 'worktree', to: 'branch', warning: null, dry_run: false });
    expect(report.changes).toEqual([
      'added /issues.jsonl to .beads/.gitignore',
      'set jsonl_export to issues.jsonl in .beads/metadata.json',
      'set sync.mode to branch',
    ]);
    expect(git(directory, 'status', '--porcelain').split('\n')).toEqual([
      ' M .beads/.gitignore',
      ' M .beads/beads.jsonl',
      ' M .beads/config.yaml',
      ' M .beads/metadata.json',
    ]);
    expect([git(directory, 'rev-parse', 'HEAD'), git(directory, 'ls-files', '-s')]).toEqual([
      head,
      index,
    ]);
    expect(onBranch()).toContain('"Second"');
    await create(directory, 'Third');
    expect(readFileSync(join(directory, '.beads/issues.jsonl'), 'utf8')).toContain('"Third"');
    expect(readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8')).toBe(tracked);
    for (const command of report.left) {
      const own = { ...env, PATH: `${dirname(REAL_GIT)}:${env['PATH']}` };
      execFileSync('sh', ['-c', command], { cwd: directory, env: own });
    }
    expect(git(directory, 'status', '--porcelain')).toBe('');
    expect(git(directory, 'show', '--format=', '--name-status')).toContain('D\t.beads/beads.jsonl');
    expect(await titles(directory)).toEqual(['First', 'Second', 'Third']);
  });

  test('there and back again gives the same files, and what happened there is in them', async () => {
    const directory = await project('mia', 'worktree', { isCommitted: true });
    const before = files(directory);
    await migrate(directory, 'branch');
    await migrate(directory, 'worktree');
    expect(files(directory)).toEqual(before);
    await migrate(directory, 'branch');
    await create(directory, 'Second');
    expect((await migrate(directory, 'worktree')).changes).toEqual([
      'shared 1 change that waited',
      'set jsonl_export to beads.jsonl in .beads/metadata.json, which git tracks',
      'removed /issues.jsonl from .beads/.gitignore',
      'set sync.mode to worktree',
    ]);
    expect(git(directory, 'status', '--porcelain')).toBe(' M .beads/beads.jsonl');
    expect(readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8')).toContain('"Second"');
  });

  test('what a pull brought into the file meanwhile is taken in on the way back', async () => {
    const directory = await project('mia', 'worktree', { isCommitted: true });
    await migrate(directory, 'branch');
    await create(directory, 'Ours');
    const path = join(directory, '.beads/beads.jsonl');
    const theirs = '{"id":"t-theirs","title":"Theirs","created_at":"2026-01-01T00:00:00Z"}\n';
    writeFileSync(path, readFileSync(path, 'utf8') + theirs);
    await migrate(directory, 'worktree');
    expect(await titles(directory)).toEqual(['First', 'Ours', 'Theirs']);
  });

  test('a file that is not committed yet keeps its name, and git ignores the directory', async () => {
    const directory = await project('mia', 'worktree');
    await create(directory, 'First');
    const before = files(directory);
    const { changes, left } = await migrate(directory, 'branch');
    expect(changes).toEqual([
      'added /.beads/ to .git/info/exclude',
      'removed .beads/.gitattributes',
      'unset merge.beads.driver in .git/config',
      'set sync.mode to branch',
    ]);
    expect(left).toEqual([]);
    expect(git(directory, 'status', '--porcelain')).toBe('');
    expect(onBranch()).toContain('"First"');
    await migrate(directory, 'worktree');
    expect(files(directory)).toEqual(before);
  });

  test('a branch of the same project is joined', async () => {
    const mia = await project('mia', 'worktree', { isCommitted: true });
    await migrate(mia, 'branch');
    await create(mia, 'By mia');
    await using workspace = await open(mia);
    await workspace.sync.syncNow();
    const lee = at('lee');
    git(sandbox.directory, 'clone', '-q', remote, lee);
    await create(lee, 'By lee');
    await migrate(lee, 'branch');
    expect(await titles(lee)).toEqual(['By lee', 'By mia', 'First']);
    expect(onBranch()).toContain('"By lee"');
  });

  test('one of another project is refused, and nothing is changed', async () => {
    const mia = await project('mia', 'worktree');
    await project('other', 'branch');
    const before = files(mia);
    const refs = git(mia, 'for-each-ref');
    await expect(migrate(mia, 'branch')).rejects.toMatchObject({
      code: 'SYNC_FAILED',
      message: expect.stringContaining('belongs to project') as string,
    });
    expect(files(mia)).toEqual(before);
    expect(git(mia, 'for-each-ref')).toBe(refs);
  });
});

describe('from a branch to a file that people commit', () => {
  test('what waits is shared first, and all that bd init --mode worktree sets up is there', async () => {
    const directory = await project('mia', 'branch');
    await create(directory, 'First');
    const before = files(directory);
    const report = await migrate(directory, 'worktree');
    expect(report.changes).toEqual([
      'shared 1 change that waited',
      'removed /.beads/ from .git/info/exclude',
      'wrote .beads/.gitattributes: git merges issues with bd',
      'set merge.beads.driver in .git/config',
      'set sync.mode to worktree',
    ]);
    expect(onBranch()).toContain('"First"');
    expect(git(directory, 'status', '--porcelain')).toBe('?? .beads/');
    await create(directory, 'Second');
    expect(onBranch()).not.toContain('"Second"');
    await migrate(directory, 'branch');
    expect(onBranch()).toContain('"Second"');
    const after = files(directory);
    delete before['.beads/beads.jsonl'];
    delete after['.beads/beads.jsonl'];
    expect(after).toEqual(before);
  });

  test('a remote that cannot be reached is reported, and loses nothing', async () => {
    const directory = await project('mia', 'branch');
    await create(directory, 'First');
    git(directory, 'remote', 'set-url', 'origin', at('nowhere'));
    const { warning } = await migrate(directory, 'worktree');
    expect(warning).toMatch(
      /^waiting changes were not shared in the former mode: .*cannot be reached/,
    );
    expect(git(directory, 'show', 'refs/bd/sync:.beads/issues.jsonl')).toContain('"First"');
    git(directory, 'remote', 'set-url', 'origin', remote);
    expect(await migrate(directory, 'branch')).toMatchObject({ warning: null });
    expect(onBranch()).toContain('"First"');
  });
});

describe('mode checked-out', () => {
  test('is reached from both others, and left for them', async () => {
    const directory = await project('mia', 'worktree', { isCommitted: true });
    await create(directory, 'Second');
    expect((await migrate(directory, 'checked-out')).changes).toEqual([
      'set sync.mode to checked-out',
      'will commit issues on the branch that is checked out, and push it when nothing but such commits would go along',
    ]);
    expect(git(directory, 'log', '-1', '--format=%an %s')).toMatch(/^bd Auto-sync/);
    expect(git(remote, 'log', '-1', '--format=%an', 'main')).toBe('bd');
    await migrate(directory, 'branch');
    await create(directory, 'Third');
    await migrate(directory, 'checked-out');
    expect(git(directory, 'show', 'HEAD:.beads/beads.jsonl')).toContain('"Third"');
    await migrate(directory, 'worktree');
    // The committed settings say that mode.
    expect(git(directory, 'status', '--porcelain')).toBe('');
    expect(await titles(directory)).toEqual(['First', 'Second', 'Third']);
  });
});

describe('a dry run', () => {
  const MODES = ['branch', 'worktree', 'checked-out'] as const;
  const WAYS = MODES.flatMap((from) =>
    MODES.filter((to) => to !== from).flatMap((to) => [
      { from, to, isCommitted: false },
      { from, to, isCommitted: from !== 'branch' },
    ]),
  );

  test.each(WAYS)(
    'a dry run tells what the migration would do, and does nothing: %o',
    async (way) => {
      const { from, to, isCommitted } = way;
      const directory = await project('mia', from, { isCommitted });
      const before = [files(directory), git(directory, 'for-each-ref')];
      const told = await migrate(directory, to, { dryRun: true });
      expect([files(directory), git(directory, 'for-each-ref')]).toEqual(before);
      expect(told).toMatchObject({ from, to, dry_run: true, warning: null });
      const made = await migrate(directory, to);
      expect(made).toMatchObject({ changes: told.changes, left: told.left });
    },
  );
});

test('the setting moves too, in any of its forms', async () => {
  const directory = await project('mia', 'branch');
  await using workspace = await open(directory);
  const call = createCall(workspace);
  expect(await call('set_config', { key: 'sync.mode', value: 'worktree' })).toMatchObject({
    key: 'sync.mode',
    value: 'worktree',
    changes: expect.arrayContaining(['removed /.beads/ from .git/info/exclude']) as string[],
  });
  expect(workspace.sync.status().state).toBe('by_hand');
  expect(await call('unset_config', { key: 'sync.mode' })).toMatchObject({
    changes: expect.arrayContaining(['added /.beads/ to .git/info/exclude']) as string[],
  });
  expect(workspace.sync.status().state).toBe('ok');
  const again = await call('set_config', { key: 'sync.mode', value: 'branch' });
  expect(again).toEqual({ key: 'sync.mode', value: 'branch' });
  await expect(call('set_config', { key: 'sync.mode', value: 'tree' })).rejects.toMatchObject({
    code: 'INVALID_VALUE',
  });
});

test('a mode that comes from the environment is not moved', async () => {
  const directory = await project('mia', 'branch');
  env['BD_SYNC_MODE'] = 'branch';
  await expect(migrate(directory, 'worktree')).rejects.toMatchObject({
    message: expect.stringContaining('BD_SYNC_MODE') as string,
  });
});
