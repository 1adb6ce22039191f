import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openPlace } from '../../../src/place/workspace-place.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { silentLog } from '../../../src/platform/log.ts';
import type { SyncMode } from '../../../src/core/sharing.ts';
import { MERGE_DRIVER } from '../../../src/workspace/init/merge-settings.ts';
import { initialise, type InitReport } from '../../../src/workspace/init/initialise.ts';
import { createCall } from '../../../src/workspace/operations/table.ts';
import { completeClone } from '../../../src/workspace/init/present-workspace.ts';
import { openWorkspace } from '../../../src/workspace/workspace.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;
let remote: string;
let env: Record<string, string>;

beforeEach(() => {
  remote = at('remote.git');
  env = { ...sandbox.env, USER: 'mia' };
  git(sandbox.directory, 'init', '-q', '--bare', '-b', 'main', remote);
});

function clone(name: string): string {
  const directory = at(name);
  git(sandbox.directory, 'clone', '-q', remote, directory);
  git(directory, 'config', 'user.name', name);
  git(directory, 'config', 'user.email', `${name}@example.com`);
  return directory;
}

interface Options {
  prefix?: string;
  isLocal?: boolean;
  mode?: SyncMode;
  skipsMergeDriver?: boolean;
}

function init(directory: string, options: Options = {}) {
  return initialise({
    directory,
    env,
    clock: systemClock,
    log: silentLog,
    isLocal: false,
    ...options,
  });
}

/** One operation in an open workspace, as another process would do it. */
async function create(directory: string, title: string): Promise<string> {
  await using workspace = await openWorkspace({
    place: openPlace(join(directory, '.beads')),
    env,
    clock: systemClock,
    log: silentLog,
  });
  const { issue_id: id } = await createCall(workspace)('create_issue', { issue: { title } });
  await workspace.sync.syncNow();
  return id;
}

/** All that belongs to the user. */
function fingerprint(directory: string) {
  return {
    head: readFileSync(join(directory, '.git/HEAD'), 'utf8'),
    config: readFileSync(join(directory, '.git/config'), 'utf8'),
    index: existsSync(join(directory, '.git/index')) && readFileSync(join(directory, '.git/index')),
    branches: git(directory, 'for-each-ref', 'refs/heads', 'refs/remotes/origin/main', 'refs/tags'),
    status: git(directory, 'status', '--porcelain'),
    stash: git(directory, 'stash', 'list'),
  };
}

test('it changes what it says, and nothing else of the user’s', async () => {
  const directory = clone('mia');
  git(directory, 'commit', '-q', '--allow-empty', '-m', 'Begin');
  writeFileSync(join(directory, 'staged'), '1');
  git(directory, 'add', 'staged');
  const before = fingerprint(directory);
  const report = await init(directory, { prefix: 'kite' });
  await create(directory, 'One');
  expect(fingerprint(directory)).toEqual(before);
  expect(report.changes.join('\n')).toContain('added /.beads/ to .git/info/exclude');
  expect(readFileSync(join(directory, '.git/info/exclude'), 'utf8')).toMatch(/^\/\.beads\/$/m);
  expect(git(remote, 'branch', '--format=%(refname:short)')).toBe('beads-sync');
});

test('what was changed while its settings said another mode is shared when they say branch again', async () => {
  const directory = clone('mia');
  await init(directory);
  await create(directory, 'One');
  // As a checkout of another branch, on which git tracks other settings, puts them there.
  const path = join(directory, '.beads/config.yaml');
  const settings = readFileSync(path, 'utf8');
  for (const mode of ['worktree', 'checked-out']) {
    writeFileSync(path, `${settings}sync.mode: ${mode}\n`);
    await create(directory, `In ${mode}`);
    writeFileSync(path, settings);
    await using workspace = await openWorkspace({
      place: openPlace(join(directory, '.beads')),
      env,
      clock: systemClock,
      log: silentLog,
    });
    expect(await workspace.sync.syncNow()).toMatchObject({ state: 'ok', pending: 0 });
    expect(git(remote, 'show', 'beads-sync:.beads/issues.jsonl')).toContain(`In ${mode}`);
  }
});

test('a second clone joins the project on the branch and the remote that its settings name', async () => {
  const settings = 'sync.branch: issues\nsync.remote: team\n';
  const [first, second] = ['mia', 'lee'].map((name) => {
    const directory = clone(name);
    git(directory, 'remote', 'rename', 'origin', 'team');
    git(directory, 'remote', 'add', 'origin', at('nowhere'));
    mkdirSync(join(directory, '.beads'));
    writeFileSync(join(directory, '.beads/config.yaml'), settings);
    return directory;
  }) as [string, string];
  await init(first, { prefix: 'kite' });
  await create(first, 'One');
  expect(git(remote, 'branch', '--format=%(refname:short)')).toBe('issues');
  expect(await init(second)).toMatchObject<Partial<InitReport>>({
    joined: true,
    prefix: 'kite',
    issue_count: 1,
    warning: null,
  });
});

test('a second clone joins the project, with its prefix and its issues', async () => {
  const first = clone('mia');
  await init(first, { prefix: 'kite' });
  const id = await create(first, 'One');
  const second = clone('lee');
  const report = await init(second, { prefix: 'other' });
  expect(report).toMatchObject<Partial<InitReport>>({
    joined: true,
    prefix: 'kite',
    issue_count: 1,
  });
  expect(report.changes.join('\n')).toContain('kept the prefix kite');
  expect(await create(second, 'Two')).toMatch(/^kite-/);
  const mirror = (directory: string) => readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8');
  expect(mirror(second)).toContain(`"id":"${id}"`);
});

test('the prefix and the mode of a config.yaml that is there stay, unless others are asked for', async () => {
  await init(clone('mia'), { prefix: 'kite' });
  const configOf = (name: string, options: Options = {}) => {
    const directory = clone(name);
    mkdirSync(join(directory, '.beads'));
    const path = join(directory, '.beads/config.yaml');
    writeFileSync(path, '# Ours\nissue_prefix: web\nsync:\n  mode: worktree\n');
    return init(directory, options).then((report) => ({
      prefix: report.prefix,
      config: readFileSync(path, 'utf8'),
    }));
  };
  const kept = '# Ours\nissue_prefix: web\nsync:\n  mode: worktree\n';
  expect(await configOf('lee')).toEqual({ prefix: 'web', config: kept });
  expect((await configOf('ann', { prefix: 'api' })).prefix).toBe('api');
  const joined = await configOf('bob', { mode: 'branch' });
  expect(joined).toEqual({ prefix: 'web', config: kept.replace('worktree', 'branch') });
});

test('with --local nothing is sent', async () => {
  const directory = clone('mia');
  expect(await init(directory, { isLocal: true })).toMatchObject({ remote: null });
  await create(directory, 'One');
  expect(git(remote, 'branch')).toBe('');
});

test('without git everything works, and nothing is shared', async () => {
  const directory = at('plain');
  mkdirSync(directory);
  expect(await init(directory)).toMatchObject({ remote: null, prefix: 'plain', warning: null });
  expect(await create(directory, 'One')).toMatch(/^plain-/);
});

test('a second init is refused and changes nothing', async () => {
  const directory = clone('mia');
  await init(directory);
  const before = readFileSync(join(directory, '.beads/metadata.json'), 'utf8');
  await expect(init(directory)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  expect(readFileSync(join(directory, '.beads/metadata.json'), 'utf8')).toBe(before);
});

test('a subdirectory and a linked worktree use the workspace of their repository', async () => {
  const directory = clone('mia');
  git(directory, 'commit', '-q', '--allow-empty', '-m', 'Begin');
  await init(directory);
  const inside = join(directory, 'sub');
  mkdirSync(inside);
  const worktree = at('worktree');
  git(directory, 'worktree', 'add', '-q', worktree);
  for (const place of [inside, worktree]) {
    await expect(init(place)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(existsSync(join(place, '.beads'))).toBe(false);
  }
});

test('a workspace of the classic tool keeps its file name and its issues', async () => {
  const directory = clone('mia');
  mkdirSync(join(directory, '.beads'));
  writeFileSync(
    join(directory, '.beads/metadata.json'),
    '{"database":"beads.db","jsonl_export":"issues.jsonl"}',
  );
  writeFileSync(join(directory, '.beads/issues.jsonl'), '{"id":"bd-1","title":"Old"}\n');
  expect(await init(directory)).toMatchObject({ issue_count: 1 });
  await create(directory, 'New');
  expect(existsSync(join(directory, '.beads/beads.jsonl'))).toBe(false);
  expect(readFileSync(join(directory, '.beads/issues.jsonl'), 'utf8')).toContain('"New"');
});

test('a mirror that git tracks stays the user’s to commit', async () => {
  const directory = clone('mia');
  mkdirSync(join(directory, '.beads'));
  writeFileSync(join(directory, '.beads/issues.jsonl'), '{"id":"bd-1","title":"Old"}\n');
  git(directory, 'add', '.');
  git(directory, 'commit', '-qm', 'Issues');
  const report = await init(directory);
  expect(report).toMatchObject({ issue_count: 1, remote: null });
  await create(directory, 'New');
  expect(git(remote, 'branch')).toBe('');
  expect(git(directory, 'log', '--oneline').split('\n')).toHaveLength(1);
  expect(git(directory, 'status', '--porcelain', '.beads/issues.jsonl')).toBe(
    ' M .beads/issues.jsonl',
  );
});

test('with --mode checked-out bd commits issues on the branch, and the user the settings', async () => {
  const directory = clone('mia');
  git(directory, 'commit', '-q', '--allow-empty', '-m', 'Begin');
  git(directory, 'push', '-q', '-u', 'origin', 'HEAD');
  const report = await init(directory, { mode: 'checked-out', prefix: 'kite' });
  expect(report.warning).toBeNull();
  expect(report.changes.slice(1)).toEqual([
    'set sync.mode to checked-out',
    'wrote .beads/.gitattributes: git merges issues with bd',
    'set merge.beads.driver in .git/config',
    'will commit issues on the branch that is checked out, and push it when nothing but such commits would go along',
    'left the settings in .beads to you: commit them when you like',
  ]);
  const id = await create(directory, 'One');
  expect(git(directory, 'log', '-1', '--format=%s', 'origin/main')).toBe(
    `Auto-sync: 1 issue (${id})`,
  );
  expect(git(directory, 'show', '--format=', '--name-only')).toBe('.beads/beads.jsonl');
  git(directory, 'add', '.beads');
  git(directory, 'commit', '-qm', 'Settings');
  git(directory, 'push', '-q');
  expect(git(directory, 'status', '--porcelain')).toBe('');
  const fresh = clone('lee');
  expect(await completeClone({ directory: fresh, env })).toMatchObject({ prefix: 'kite' });
  await create(fresh, 'Two');
  git(directory, 'pull', '-q');
  expect(git(directory, 'log', '--format=%an').split('\n')).toEqual(['bd', 'Ann', 'bd', 'Ann']);
});

describe('with --mode worktree', () => {
  const driverOf = (directory: string): string =>
    git(directory, 'config', '--local', '--default', '', '--get', 'merge.beads.driver');
  const attributesOf = (directory: string): string =>
    readFileSync(join(directory, '.beads/.gitattributes'), 'utf8');

  /** A project whose issues are committed and pushed. */
  async function createProject(): Promise<string> {
    const directory = clone('mia');
    await init(directory, { prefix: 'kite', mode: 'worktree' });
    git(directory, 'add', '.beads');
    git(directory, 'commit', '-qm', 'Issues');
    git(directory, 'push', '-q', 'origin', 'HEAD:main');
    return directory;
  }

  test('the issues are the user’s to commit, and git merges them with bd', async () => {
    const directory = clone('mia');
    git(directory, 'commit', '-q', '--allow-empty', '-m', 'Begin');
    const { config: _before, status: _untracked, ...before } = fingerprint(directory);
    const report = await init(directory, { mode: 'worktree' });
    expect(report).toMatchObject({ remote: null, warning: null });
    expect(report.changes.slice(1)).toEqual([
      'set sync.mode to worktree',
      'wrote .beads/.gitattributes: git merges issues with bd',
      'set merge.beads.driver in .git/config',
      'left .beads to you: commit it when you like',
    ]);
    expect(driverOf(directory)).toBe(MERGE_DRIVER);
    expect(git(directory, 'config', '--local', 'merge.beads.name')).not.toBe('');
    expect(git(directory, 'check-attr', 'merge', '.beads/beads.jsonl')).toMatch(/: beads$/);
    await create(directory, 'One');
    const { config: _after, status, ...after } = fingerprint(directory);
    expect(after).toEqual(before);
    expect(status).toBe('?? .beads/');
    expect(git(remote, 'branch')).toBe('');
    git(directory, 'add', '-A');
    expect(git(directory, 'diff', '--cached', '--name-only').split('\n')).toEqual(
      [
        '.gitattributes',
        '.gitignore',
        'README.md',
        'beads.jsonl',
        'config.yaml',
        'metadata.json',
      ].map((name) => `.beads/${name}`),
    );
  });

  test('a mirror that git tracks already is merged so too', async () => {
    const directory = clone('mia');
    mkdirSync(join(directory, '.beads'));
    writeFileSync(join(directory, '.beads/issues.jsonl'), '{"id":"bd-1","title":"Old"}\n');
    git(directory, 'add', '.');
    git(directory, 'commit', '-qm', 'Issues');
    await expect(init(directory, { mode: 'branch' })).rejects.toMatchObject({
      code: 'INVALID_VALUE',
    });
    await init(directory);
    expect(driverOf(directory)).toBe(MERGE_DRIVER);
    expect(attributesOf(directory)).toContain('*.jsonl merge=beads text eol=lf');
    expect(readFileSync(join(directory, '.beads/config.yaml'), 'utf8')).toContain('mode: worktree');
  });

  test('a merge driver that a person set stays, and is reported', async () => {
    const directory = clone('mia');
    git(directory, 'config', 'merge.beads.driver', 'other %A');
    mkdirSync(join(directory, '.beads'));
    writeFileSync(join(directory, '.beads/.gitattributes'), '* text\n');
    const { changes } = await init(directory, { mode: 'worktree' });
    expect(driverOf(directory)).toBe('other %A');
    expect(attributesOf(directory)).toBe('* text\n');
    expect(changes).toContain("left merge.beads.driver in git's settings as it is: other %A");
    expect(changes).toContain('left .beads/.gitattributes as it is; it does not say merge=beads');
  });

  test('what is set already is not worth a word', async () => {
    const directory = clone('mia');
    git(directory, 'config', 'merge.beads.driver', MERGE_DRIVER);
    const { changes } = await init(directory, { mode: 'worktree' });
    expect(changes.join()).not.toContain('merge.beads');
  });

  test('nothing about merging is set up when that is not wanted', async () => {
    const directory = clone('mia');
    await init(directory, { mode: 'worktree', skipsMergeDriver: true });
    expect(driverOf(directory)).toBe('');
    expect(existsSync(join(directory, '.beads/.gitattributes'))).toBe(false);
  });

  test('settings that cannot be written are a warning that says what to run', async () => {
    const directory = clone('mia');
    writeFileSync(join(directory, '.git/config.lock'), '');
    const { warning, changes } = await init(directory, { mode: 'worktree' });
    expect(warning).toContain(`git config merge.beads.driver '${MERGE_DRIVER}'`);
    expect(changes.join()).not.toContain('.git/config');
  });

  test('a directory without git has nothing to set up', async () => {
    const directory = at('plain');
    mkdirSync(directory);
    expect(await init(directory, { mode: 'worktree' })).toMatchObject({ warning: null });
    expect(existsSync(join(directory, '.beads/.gitattributes'))).toBe(false);
    expect(await create(directory, 'One')).toMatch(/^plain-/);
  });

  test('a fresh clone gets what a clone does not bring, once, in any of its directories', async () => {
    await createProject();
    const fresh = clone('lee');
    const inside = join(fresh, 'sub');
    mkdirSync(inside);
    const complete = () => completeClone({ directory: inside, prefix: 'other', env });
    const { config: _before, ...before } = fingerprint(fresh);
    expect(await complete()).toEqual({
      beads_dir: join(fresh, '.beads'),
      prefix: 'kite',
      changes: [
        'set merge.beads.driver in .git/config',
        'kept the prefix kite: the project has it already',
      ],
      warning: null,
    });
    expect(driverOf(fresh)).toBe(MERGE_DRIVER);
    const { config: _after, ...after } = fingerprint(fresh);
    expect(after).toEqual(before);
    expect(await complete()).toBeUndefined();
    await expect(init(fresh)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  test('a linked worktree shares what its repository has', async () => {
    const directory = await createProject();
    const worktree = at('worktree');
    git(directory, 'worktree', 'add', '-q', worktree);
    expect(await completeClone({ directory: worktree, env })).toBeUndefined();
    git(directory, 'config', '--unset', 'merge.beads.driver');
    expect(await completeClone({ directory: worktree, env })).toBeDefined();
    expect(driverOf(directory)).toBe(MERGE_DRIVER);
  });

  test('a clone whose issues are on a branch of their own lacks nothing', async () => {
    const directory = clone('mia');
    await init(directory);
    expect(await completeClone({ directory, env })).toBeUndefined();
    expect(driverOf(directory)).toBe('');
  });
});
