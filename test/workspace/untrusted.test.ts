import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { acquireKernelLock } from '../../src/platform/kernel-lock.ts';
import { toBdError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace } from '../../src/workspace/workspace.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;
let directory: string;
let env: Record<string, string>;

beforeEach(() => {
  directory = at('project');
  env = { ...sandbox.env, USER: 'mia' };
  git(sandbox.directory, 'init', '-q', '-b', 'main', directory);
});

async function inWorkspace<T>(work: (call: Call) => Promise<T>): Promise<T> {
  const beadsDir = join(directory, '.beads');
  await using workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env,
    clock: systemClock,
    log: silentLog,
  });
  return await work(createCall(workspace));
}

function init(): Promise<unknown> {
  const options = { directory, env, clock: systemClock, log: silentLog, isLocal: false };
  return initialise(options);
}

/** As if it had come with the clone. */
function writeConfig(text: string): void {
  writeFileSync(join(directory, '.beads/config.yaml'), text);
}

test('a remote that only the settings name is not used: its hooks would run', async () => {
  await init();
  const hub = join(directory, 'hub.git');
  git(directory, 'init', '-q', '--bare', hub);
  writeFileSync(join(hub, 'hooks/pre-receive'), `#!/bin/sh\ntouch ${sandbox.directory}/ran\n`);
  chmodSync(join(hub, 'hooks/pre-receive'), 0o755);
  for (const remote of ['../hub.git', './hub.git', hub, 'ext::sh -c true', '--upload-pack=true']) {
    writeConfig(`sync:\n  remote: "${remote}"\n`);
    const report = await inWorkspace(async (call) => {
      await call('create_issue', { issue: { title: 'x' } });
      return call('sync', {});
    });
    expect(report).toMatchObject({
      state: 'blocked',
      error: expect.stringContaining(remote) as string,
    });
  }
  expect(existsSync(at('ran'))).toBe(false);
});

test('a bare repository among the files of a clone is not used: its settings would run programs', async () => {
  const bare = join(directory, 'sub');
  git(directory, 'init', '-q', '--bare', bare);
  git(bare, 'config', 'core.sshCommand', `touch ${sandbox.directory}/ran #`);
  git(bare, 'config', 'remote.origin.url', 'ssh://nowhere/x');
  directory = bare;
  mkdirSync(join(bare, '.beads'));
  writeFileSync(join(bare, '.beads/metadata.json'), '{"project_id":"p"}');
  const report = await inWorkspace((call) => call('sync', {}));
  expect(report).toMatchObject({ state: 'no_remote' });
  expect(existsSync(at('ran'))).toBe(false);
});

test('the branch that holds people’s own work is never committed on', async () => {
  const remote = at('remote.git');
  git(sandbox.directory, 'init', '-q', '--bare', '-b', 'main', remote);
  git(directory, 'remote', 'add', 'origin', remote);
  git(
    directory,
    '-c',
    'user.name=m',
    '-c',
    'user.email=m@x',
    'commit',
    '-q',
    '--allow-empty',
    '-m',
    'x',
  );
  git(directory, 'push', '-q', 'origin', 'main');
  await init();
  const report = await inWorkspace(async (call) => {
    await call('set_config', { key: 'sync.branch', value: 'main' });
    await call('create_issue', { issue: { title: 'x' } });
    return call('sync', {});
  });
  expect(report).toMatchObject({
    state: 'blocked',
    error: expect.stringContaining('main') as string,
  });
  expect(git(remote, 'log', '--format=%s', 'main')).toBe('x');
});

test('a remote given by a path from the working tree is found', async () => {
  git(sandbox.directory, 'init', '-q', '--bare', at('near.git'));
  git(directory, 'remote', 'add', 'origin', '../near.git');
  await init();
  expect(await inWorkspace((call) => call('sync', {}))).toMatchObject({ state: 'ok' });
});

test('wrong settings keep anything from being changed until they are mended', async () => {
  await init();
  const create = () => inWorkspace((call) => call('create_issue', { issue: { title: 'x' } }));
  const refused = (): Promise<unknown> => create().catch((error: unknown) => toBdError(error));
  for (const [text, message] of [
    ['sync:\n  quiet_ms: soon\n', 'sync.quiet_ms is "soon"'],
    ['sync:\n  push: yes\n', 'sync.push is "yes"'],
    ['sync:\n  fetch_idle_ms: 0\n', 'sync.fetch_idle_ms is "0"'],
    ['daemon:\n  sync_interval: 1h30\n', 'daemon.sync_interval is "1h30"'],
    ['sync.push: [\n', 'cannot read'],
  ] as const) {
    writeConfig(text);
    expect(await refused()).toMatchObject({ message: expect.stringContaining(message) as string });
  }
  writeConfig('sync:\n  push: yes\n');
  await inWorkspace(async (call) => {
    expect((await call('list_issues', {})).total).toBe(0);
    const { entries } = await call('explain_config', {});
    expect(entries.find(({ key }) => key === 'sync.push')).toMatchObject({ value: 'yes' });
    await call('set_config', { key: 'sync.push', value: 'true' });
    await call('create_issue', { issue: { title: 'x' } });
  });
});

test('file names in metadata.json cannot lead out of .beads', async () => {
  mkdirSync(join(directory, '.beads'));
  for (const metadata of [
    { database: '../../x.db' },
    { jsonl_export: '/etc/passwd' },
    { database: 'x', jsonl_export: 'x' },
    { project_id: 7 },
  ]) {
    writeFileSync(join(directory, '.beads/metadata.json'), JSON.stringify(metadata));
    await expect(inWorkspace((call) => call('ping', {}))).rejects.toMatchObject({
      code: 'FILE_UNUSABLE',
    });
  }
});

test('a link of the name that metadata.json gives is not written through', async () => {
  await init();
  const [victim, beadsDir] = [at('victim'), join(directory, '.beads')];
  writeFileSync(victim, 'precious');
  for (const key of ['database', 'jsonl_export']) {
    writeFileSync(
      join(beadsDir, 'metadata.json'),
      JSON.stringify({ project_id: 'p', [key]: 'other' }),
    );
    symlinkSync(victim, join(beadsDir, 'other'));
    await expect(inWorkspace((call) => call('ping', {}))).rejects.toMatchObject({
      code: 'FILE_UNUSABLE',
    });
    unlinkSync(join(beadsDir, 'other'));
  }
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

test.each(['', '-journal', '-wal', '-shm'])(
  'a link of the name beads.db%s is told of, before SQLite fails at it',
  async (suffix) => {
    await init();
    const link = join(directory, '.beads', `beads.db${suffix}`);
    rmSync(link, { force: true });
    symlinkSync(at('nowhere'), link);
    await expect(inWorkspace((call) => call('ping', {}))).rejects.toMatchObject({
      code: 'FILE_UNUSABLE',
      message: expect.stringContaining(`${link} is a symbolic link`) as string,
    });
  },
);

test('init leaves files alone that are there, and tells git to ignore a directory of any name', async () => {
  directory = join(directory, 'a[b] *c');
  mkdirSync(join(directory, '.beads'), { recursive: true });
  writeFileSync(join(directory, '.beads/README.md'), 'ours\n');
  await init();
  expect(readFileSync(join(directory, '.beads/README.md'), 'utf8')).toBe('ours\n');
  expect(git(directory, 'status', '--porcelain', '--untracked-files=all')).toBe('');
});

test('a workspace that was replaced while it was open takes no write', async () => {
  await init();
  const beadsDir = join(directory, '.beads');
  // Whoever opens a workspace holds its lock: that also keeps the file's number from being used again.
  const lock = await acquireKernelLock(openPlace(beadsDir).lockFile, { waitMs: 0 });
  const workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env,
    clock: systemClock,
    log: silentLog,
  });
  const create = () => createCall(workspace)('create_issue', { issue: { title: 'x' } });
  await create();
  rmSync(beadsDir, { recursive: true });
  mkdirSync(beadsDir);
  writeFileSync(openPlace(beadsDir).lockFile, '');
  await expect(create()).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  await expect(workspace[Symbol.asyncDispose]()).rejects.toMatchObject({
    code: 'LOCK_UNAVAILABLE',
  });
  lock?.release();
  expect(existsSync(join(beadsDir, 'beads.jsonl'))).toBe(false);
});

test('without git on the machine, people are known by their login name', async () => {
  await init();
  const create = () => inWorkspace((call) => call('create_issue', { issue: { title: 'x' } }));
  env = { ...env, PATH: '/nonexistent' };
  expect((await create()).issue.created_by).toBe('mia');
  env = { HOME: sandbox.home, PATH: '/nonexistent' };
  expect((await create()).issue.created_by).toBe(userInfo().username);
});
