import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { WorkspacePlace } from '../../../src/place/workspace-place.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import { createGit } from '../../../src/git/git.ts';
import { silentLog } from '../../../src/platform/log.ts';
import { purgeBranch } from '../../../src/sync/branch/purge-branch.ts';
import { initialise, type InitOptions } from '../../../src/workspace/init/initialise.ts';
import { MERGE_DRIVER } from '../../../src/workspace/init/merge-settings.ts';
import { createCall } from '../../../src/workspace/operations/table.ts';
import {
  uninstall,
  type UninstallOptions,
  type UninstallReport,
} from '../../../src/workspace/init/uninstall.ts';
import { openWorkspace } from '../../../src/workspace/workspace.ts';
import { printDirectory } from '../../support/directory-print.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;
let world: string;
let remote: string;
let env: Record<string, string>;

beforeEach(() => {
  world = at('world');
  remote = at('remote.git');
  mkdirSync(world);
  env = { ...sandbox.env, USER: 'mia' };
  git(sandbox.directory, 'init', '-q', '--bare', '-b', 'main', remote);
});

function repository(name = 'mia', ...args: string[]): string {
  const directory = join(world, name);
  git(sandbox.directory, 'init', '-q', '-b', 'main', ...args, directory);
  git(directory, 'config', 'user.name', name);
  git(directory, 'config', 'user.email', `${name}@example.com`);
  writeFileSync(join(directory, 'code.txt'), 'code\n');
  git(directory, 'add', '.');
  git(directory, 'commit', '-qm', 'Begin');
  return directory;
}

function shared(name = 'mia'): string {
  const directory = repository(name);
  git(directory, 'remote', 'add', 'origin', remote);
  return directory;
}

function classic(directory: string): string {
  mkdirSync(join(directory, '.beads'));
  const line = '{"title":"Old", "id":"bd-1","status":"open"}\n';
  writeFileSync(join(directory, '.beads/issues.jsonl'), line, { mode: 0o600 });
  writeFileSync(join(directory, '.beads/metadata.json'), '{"jsonl_export":"issues.jsonl"}');
  writeFileSync(join(directory, '.beads/config.yaml'), '# mine\nother: 1\n');
  writeFileSync(join(directory, '.beads/notes.txt'), 'mine');
  return directory;
}

function init(directory: string, options: Partial<InitOptions> = {}) {
  return initialise({
    directory,
    env,
    clock: systemClock,
    log: silentLog,
    isLocal: false,
    ...options,
  });
}

function optionsFor(directory: string, options: Partial<UninstallOptions> = {}): UninstallOptions {
  return {
    place: new WorkspacePlace(join(directory, '.beads')),
    purgesRemote: false,
    isForced: false,
    env,
    clock: systemClock,
    log: silentLog,
    ...options,
  };
}

function previewUninstall(options: UninstallOptions): Promise<UninstallReport> {
  return uninstall({ ...options, isDryRun: true });
}

/** One operation in an open workspace, as another process would do it. */
async function create(directory: string, title: string, { syncs = true } = {}): Promise<string> {
  await using workspace = await openWorkspace({
    place: new WorkspacePlace(join(directory, '.beads')),
    env,
    clock: systemClock,
    log: silentLog,
  });
  const { issue_id: id } = await createCall(workspace)('create_issue', { issue: { title } });
  if (syncs) await workspace.sync.syncNow();
  return id;
}

/** All files but git's objects, which its own upkeep collects, and what its pushes note down. */
function everything() {
  return printDirectory(world, {
    without: (path) => /\.git\/(objects|(logs\/)?refs\/remotes)$/.test(path),
  });
}

const PLACES: Record<string, () => string> = {
  'a directory without git': () => {
    mkdirSync(join(world, 'plain'));
    return join(world, 'plain');
  },
  'a repository': () => repository(),
  'a repository with a remote': () => shared(),
  'a repository whose template has no info': () => repository('bare', '--template='),
  'a reference log of everything': () => {
    const directory = shared();
    git(directory, 'config', 'core.logAllRefUpdates', 'always');
    return directory;
  },
  'an exclude file without its last line end': () => {
    const directory = repository();
    writeFileSync(join(directory, '.git/info/exclude'), 'mine');
    chmodSync(join(directory, '.git/info/exclude'), 0o664);
    return directory;
  },
  'an exclude file that has the line': () => {
    const directory = repository();
    writeFileSync(join(directory, '.git/info/exclude'), '/.beads/\nmine');
    return directory;
  },
  'a linked worktree': () => {
    git(repository(), 'worktree', 'add', '-q', join(world, 'linked'));
    return join(world, 'linked');
  },
  'a directory inside a repository': () => {
    const directory = join(repository(), 'in[side');
    mkdirSync(directory);
    return directory;
  },
  'a merge driver that was set already': () => {
    const directory = repository();
    git(directory, 'config', 'merge.beads.driver', MERGE_DRIVER);
    return directory;
  },
  'another merge driver': () => {
    const directory = repository();
    git(directory, 'config', 'merge.beads.driver', 'other %A');
    return directory;
  },
  'files of the classic tool': () => classic(repository()),
  'files of the classic tool that git tracks': () => {
    const directory = classic(repository());
    git(directory, 'add', '.');
    git(directory, 'commit', '-qm', 'Issues');
    return directory;
  },
};

const CASES = Object.keys(PLACES).flatMap((name) => [
  { name, choice: {} },
  ...(/git|driver|linked|classic/.test(name)
    ? [{ name, choice: { mode: 'worktree' as const } }]
    : []),
]);

test.each(CASES)('$name: init $choice is taken back exactly', async ({ name, choice }) => {
  const directory = PLACES[name]!();
  const before = everything();
  await init(directory, choice);
  const installed = everything();
  expect(installed).not.toEqual(before);
  const preview = await previewUninstall(optionsFor(directory));
  expect(everything()).toEqual(installed);
  const report = await uninstall(optionsFor(directory));
  expect(preview).toEqual({ dry_run: true, ...report });
  expect(report.backup).toBeNull();
  expect(existsSync(join(env['HOME']!, '.beads'))).toBe(false);
  expect(everything()).toEqual(before);
});

test('what was added to the exclude file after init stays', async () => {
  const directory = repository();
  const path = join(directory, '.git/info/exclude');
  writeFileSync(path, 'mine');
  await init(directory);
  appendFileSync(path, 'later\n');
  await uninstall(optionsFor(directory));
  expect(readFileSync(path, 'utf8')).toBe('mine\nlater\n');
});

test('init, uninstall and init again make a workspace that can be taken back too', async () => {
  const directory = repository();
  const before = everything();
  for (let round = 0; round < 2; round += 1) {
    await init(directory);
    await uninstall(optionsFor(directory));
    expect(everything()).toEqual(before);
  }
});

describe('issues that are nowhere else', () => {
  const removed = (): string => join(env['HOME']!, '.beads/removed');

  test.each(['without a remote', 'with a remote that was not reached', 'that are local'])(
    '%s keep the workspace, unless a copy is enough',
    async (how) => {
      const directory = how === 'without a remote' ? repository() : shared();
      const before = everything();
      await init(directory, { isLocal: how === 'that are local' });
      const id = await create(directory, 'Only here', { syncs: how === 'that are local' });
      await create(directory, 'Here too', { syncs: how === 'that are local' });
      const installed = everything();
      for (const attempt of [previewUninstall, uninstall]) {
        await expect(attempt(optionsFor(directory))).rejects.toMatchObject({
          code: 'NOT_SHARED',
          message: expect.stringContaining('2 changed issues would be lost'),
          remedy: expect.stringMatching(/`bd sync`.*`bd export/),
        });
      }
      expect(Object.keys(everything())).toEqual(Object.keys(installed));
      const { backup, changes } = await uninstall(optionsFor(directory, { isForced: true }));
      expect(changes[0]).toBe(`saved 2 changed issues in ${backup}`);
      expect(readdirSync(removed()).map((name) => join(removed(), name))).toEqual([backup]);
      expect(readFileSync(backup ?? '', 'utf8')).toContain(`"id":"${id}"`);
      expect(everything()).toEqual(before);

      await init(directory);
      await using again = await openWorkspace({ ...optionsFor(directory) });
      const report = await createCall(again)('import', { path: backup ?? '' });
      expect(report).toMatchObject({ created: 2 });
    },
  );

  test('a change of a shared issue counts, a deleted one that was never shared does not', async () => {
    const directory = shared();
    await init(directory);
    const id = await create(directory, 'Shared');
    expect(await uninstallable(directory)).toBe(true);
    {
      await using workspace = await openWorkspace(optionsFor(directory));
      const call = createCall(workspace);
      const { issue_id: gone } = await call('create_issue', { issue: { title: 'Gone' } });
      await call('delete_issues', { issue_ids: [gone] });
    }
    expect(await uninstallable(directory)).toBe(true);
    {
      await using workspace = await openWorkspace(optionsFor(directory));
      await createCall(workspace)('update_issue', {
        issue_id: id,
        changes: { title: 'Changed' },
      });
    }
    expect(await uninstallable(directory)).toBe(false);
  });

  async function uninstallable(directory: string): Promise<boolean> {
    const attempt = previewUninstall(optionsFor(directory));
    return await attempt.then(
      () => true,
      () => false,
    );
  }

  test('without a home to save them in, nothing is removed', async () => {
    const directory = repository();
    await init(directory);
    await create(directory, 'Only here');
    const { HOME: _none, ...homeless } = env;
    const options = optionsFor(directory, { isForced: true, env: homeless });
    await expect(uninstall(options)).rejects.toMatchObject({ code: 'NOT_SHARED' });
    expect(existsSync(join(directory, '.beads/metadata.json'))).toBe(true);
  });
});

test('without a network, only what was seen on the remote counts as shared', async () => {
  const directory = shared();
  await init(directory);
  await create(directory, 'Seen');
  {
    await using workspace = await openWorkspace(optionsFor(directory));
    await workspace.sync.syncNow();
  }
  git(directory, 'remote', 'set-url', 'origin', at('nowhere.git'));
  expect(await previewUninstall(optionsFor(directory))).toMatchObject({ backup: null });
  await create(directory, 'Not sent');
  await expect(uninstall(optionsFor(directory))).rejects.toMatchObject({
    message: expect.stringContaining('1 changed issue would be lost'),
  });
});

test('what all have goes without a word, and a later init finds it again', async () => {
  const directory = shared();
  const before = everything();
  await init(directory);
  const id = await create(directory, 'Shared');
  const { backup, changes } = await uninstall(optionsFor(directory));
  expect(backup).toBeNull();
  expect(changes.at(-1)).toMatch(/^left the issues on the remote: .*BEADS_NO_AUTO_INIT=1/);
  expect(everything()).toEqual(before);
  expect(await init(directory)).toMatchObject({ joined: true, issue_count: 1 });
  expect(readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8')).toContain(id);
});

test('issues that were the classic tool’s stay in their file with what was changed', async () => {
  const directory = classic(repository());
  await init(directory, { isLocal: true });
  await create(directory, 'New');
  const { changes } = await uninstall(optionsFor(directory));
  expect(readFileSync(join(directory, '.beads/issues.jsonl'), 'utf8')).toContain('"New"');
  expect(changes).toContain(
    'left what bd did not make, or others changed: issues.jsonl, notes.txt',
  );
  expect(readdirSync(join(directory, '.beads')).sort()).toEqual([
    'config.yaml',
    'issues.jsonl',
    'metadata.json',
    'notes.txt',
  ]);
});

test('files that bd did not make stay and are named, unreadable lines among them', async () => {
  const directory = repository();
  await init(directory);
  writeFileSync(join(directory, '.beads/notes.txt'), 'mine');
  appendFileSync(join(directory, '.beads/README.md'), 'And this.\n');
  appendFileSync(join(directory, '.beads/beads.jsonl'), 'no issue\n');
  const { changes } = await uninstall(optionsFor(directory));
  const left = ['README.md', 'notes.txt', 'quarantine'];
  expect(changes).toContain(`left what bd did not make, or others changed: ${left.join(', ')}`);
  expect(readdirSync(join(directory, '.beads')).sort()).toEqual(left);
});

test('in mode worktree, what git tracks stays for the person to take out', async () => {
  const directory = repository();
  await init(directory, { mode: 'worktree' });
  await create(directory, 'Committed');
  git(directory, 'add', '.beads');
  git(directory, 'commit', '-qm', 'Issues');
  await create(directory, 'Not committed yet');
  const before = git(directory, 'status', '--porcelain');
  const { changes, backup } = await uninstall(optionsFor(directory));
  expect(backup).toBeNull();
  expect(changes.join('\n')).toMatch(/left to git, .*beads\.jsonl.*`git rm -r \S+\.beads`/);
  expect(git(directory, 'status', '--porcelain')).toBe(before);
  expect(readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8')).toContain('Not committed');
  expect(
    readdirSync(join(directory, '.beads')).filter((name) => /db|daemon|init/.test(name)),
  ).toEqual([]);
  expect(git(directory, 'config', '--local', '--list')).not.toContain('merge.beads');
});

test('in mode worktree, issues that the file may not show yet are not lost with the store', async () => {
  const directory = repository();
  await init(directory, { mode: 'worktree' });
  await create(directory, 'Committed');
  git(directory, 'add', '.beads');
  git(directory, 'commit', '-qm', 'Issues');
  git(directory, 'bisect', 'start');
  await create(directory, 'Waits for the bisect');
  const before = everything();
  await expect(uninstall(optionsFor(directory, { isForced: true }))).rejects.toMatchObject({
    code: 'NOT_SHARED',
    message: expect.stringContaining('before the bisect has ended') as unknown,
  });
  expect(everything()).toEqual(before);
  git(directory, 'bisect', 'reset');
  await uninstall(optionsFor(directory));
  expect(readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8')).toContain('Waits for');
});

test('in mode worktree, a file that git put back an older version of shows all issues at the end', async () => {
  const directory = repository();
  await init(directory, { mode: 'worktree' });
  await create(directory, 'Committed');
  git(directory, 'add', '.beads');
  git(directory, 'commit', '-qm', 'Issues');
  await create(directory, 'Never committed');
  git(directory, 'checkout', '--', '.beads/beads.jsonl');
  await uninstall(optionsFor(directory));
  expect(readFileSync(join(directory, '.beads/beads.jsonl'), 'utf8')).toContain('Never committed');
});

test('a workspace that the classic tool made is not taken back', async () => {
  const directory = classic(repository());
  const before = everything();
  await expect(uninstall(optionsFor(directory))).rejects.toMatchObject({ code: 'NO_WORKSPACE' });
  expect(everything()).toEqual(before);
});

test('one that was cut off goes on where it was', async () => {
  const directory = classic(repository());
  const before = everything();
  await init(directory);
  git(directory, 'update-ref', '-d', 'refs/bd/sync');
  rmSync(join(directory, '.beads/beads.db'));
  rmSync(join(directory, '.beads/README.md'));
  await uninstall(optionsFor(directory));
  expect(everything()).toEqual(before);
});

describe('--purge-remote', () => {
  const purge = (directory: string): UninstallOptions =>
    optionsFor(directory, { purgesRemote: true });
  const branches = (): string => git(remote, 'branch', '--format=%(refname:short)');

  test('deletes the branch, and saves what it held', async () => {
    const directory = shared();
    git(directory, 'push', '-q', 'origin', 'main');
    await init(directory);
    const id = await create(directory, 'Shared');
    const preview = await previewUninstall(purge(directory));
    expect(branches()).toContain('beads-sync');
    const report = await uninstall(purge(directory));
    expect(report.changes).toContain('deleted beads-sync on origin');
    expect(report.changes.join()).not.toContain('left the issues');
    expect(preview.changes.slice(1)).toEqual(report.changes.slice(1));
    expect(branches()).toBe('main');
    expect(readFileSync(report.backup ?? '', 'utf8')).toContain(id);
  });

  test('is refused while the branch holds what is not here', async () => {
    const mia = shared();
    await init(mia, { prefix: 'kite' });
    const lee = shared('lee');
    await init(lee);
    await create(lee, 'Of lee');
    const before = everything();
    await expect(uninstall(purge(mia))).rejects.toMatchObject({
      message: expect.stringContaining('holds 1 changed issues that are not here'),
    });
    expect(branches()).toContain('beads-sync');
    expect(Object.keys(everything())).toEqual(Object.keys(before));
  });

  test.each([
    ['code', 'holds code.txt', 'code.txt'],
    ['the issues of another tool', 'holds issues of another tool', '.beads/issues.jsonl'],
  ])('touches no branch of %s, whatever the settings name', async (_what, message, path) => {
    const directory = shared();
    await init(directory);
    const other = repository('other');
    git(other, 'checkout', '-q', '--orphan', 'work');
    git(other, 'rm', '-rqf', '.');
    mkdirSync(join(other, '.beads'));
    writeFileSync(join(other, path), '');
    git(other, 'add', '.');
    git(other, 'commit', '-qm', 'Work');
    git(other, 'push', '-q', remote, 'work');
    appendFileSync(join(directory, '.beads/config.yaml'), 'sync:\n  branch: work\n');
    await expect(uninstall(purge(directory))).rejects.toMatchObject({
      code: 'SYNC_FAILED',
      message: expect.stringContaining(message),
    });
    expect(branches()).toContain('work');
  });

  test('is refused when another clone has pushed since', async () => {
    const directory = shared();
    await init(directory);
    const tip = git(remote, 'rev-parse', 'beads-sync');
    const lee = shared('lee');
    await init(lee);
    await create(lee, 'Of lee');
    const late = createGit({ gitDir: join(directory, '.git'), env });
    const looked = { remote: 'origin', ref: 'refs/heads/beads-sync', tip };
    await expect(purgeBranch(late, looked)).rejects.toMatchObject({
      message: expect.stringContaining('refs/heads/beads-sync on origin was changed meanwhile'),
    });
    expect(branches()).toContain('beads-sync');
  });

  test('is refused where the remote cannot be reached', async () => {
    const directory = shared();
    await init(directory);
    git(directory, 'remote', 'set-url', 'origin', at('nowhere.git'));
    await expect(uninstall(purge(directory))).rejects.toMatchObject({
      message: expect.stringContaining('nothing was removed: the remote origin cannot be reached'),
    });
    expect(existsSync(join(directory, '.beads/metadata.json'))).toBe(true);
  });

  test('a branch that is gone already is no obstacle, but issues that only it had are', async () => {
    const directory = shared();
    await init(directory);
    git(remote, 'branch', '-D', 'beads-sync');
    const report = await previewUninstall(purge(directory));
    expect(report.changes).toContain('found no beads-sync on the remote');
    await create(directory, 'One');
    await expect(uninstall(purge(directory))).rejects.toMatchObject({ code: 'NOT_SHARED' });
  });
});
