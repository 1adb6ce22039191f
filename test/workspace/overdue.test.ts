import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REAL_GIT } from '../support/real-git.ts';
import { openPlace } from '../../src/place/workspace-place.ts';
import { silentLog } from '../../src/platform/log.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace } from '../../src/workspace/workspace.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

const MINUTE_MS = 60_000;

test('changes that wait for ten minutes are reported once every ten, in every process', async () => {
  using temp = createTempDirectory();
  const remote = join(temp.path, 'remote.git');
  const directory = join(temp.path, 'w');
  const env = { HOME: temp.path, PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1' };
  const git = (...args: string[]) => execFileSync(REAL_GIT, args, { cwd: directory, env });
  mkdirSync(directory);
  git('init', '-q', '--bare', remote);
  git('init', '-q', '-b', 'main');
  git('remote', 'add', 'origin', remote);
  const clock = createFakeClock();
  const options = { env, clock, log: silentLog };
  await initialise({ ...options, directory, isLocal: false });
  const beadsDir = join(directory, '.beads');
  /** Each look is another process's. */
  const look = async () => {
    await using workspace = await openWorkspace({ ...options, place: openPlace(beadsDir) });
    return (await createCall(workspace)('take_overdue_notice', {})).overdue;
  };
  const change = async (title: string) => {
    await using workspace = await openWorkspace({ ...options, place: openPlace(beadsDir) });
    await createCall(workspace)('create_issue', { issue: { title } });
    await workspace.sync.syncNow();
  };

  renameSync(remote, `${remote}.away`);
  const since = new Date(clock.nowMs()).toISOString();
  await change('One');
  clock.advance(9 * MINUTE_MS);
  await change('Two');
  expect(await look()).toBeNull();
  clock.advance(MINUTE_MS);
  const error = expect.stringContaining('the remote origin cannot be reached');
  expect(await look()).toEqual({ pending: 2, since, error });
  clock.advance(9 * MINUTE_MS);
  expect(await look()).toBeNull();
  clock.advance(MINUTE_MS);
  expect(await look()).toEqual({ pending: 2, since, error });
  clock.advance(-5 * MINUTE_MS);
  expect(await look()).toMatchObject({ pending: 2 });

  renameSync(`${remote}.away`, remote);
  await change('Three');
  clock.advance(60 * MINUTE_MS);
  expect(await look()).toBeNull();
}, 60_000);

test.each([true, false])(
  'where nothing is to be shared nothing is late (local: %s)',
  async (isLocal) => {
    using temp = createTempDirectory();
    const directory = join(temp.path, 'w');
    mkdirSync(directory);
    const env = { HOME: temp.path, PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1' };
    execFileSync(REAL_GIT, ['init', '-q'], { cwd: directory, env });
    const clock = createFakeClock();
    const options = { env, clock, log: silentLog };
    await initialise({ ...options, directory, isLocal });
    await using workspace = await openWorkspace({
      ...options,
      place: openPlace(join(directory, '.beads')),
    });
    const call = createCall(workspace);
    await call('create_issue', { issue: { title: 'One' } });
    clock.advance(60 * MINUTE_MS);
    expect(await call('take_overdue_notice', {})).toEqual({ overdue: null });
  },
);

test('issues that people commit themselves are never told to wait', async () => {
  using temp = createTempDirectory();
  const env = { HOME: temp.path, PATH: process.env['PATH'] ?? '', GIT_CONFIG_NOSYSTEM: '1' };
  execFileSync(REAL_GIT, ['init', '-q', '-b', 'main'], { cwd: temp.path, env });
  const clock = createFakeClock();
  const options = { env, clock, log: silentLog };
  await initialise({ ...options, directory: temp.path, isLocal: false, mode: 'worktree' });
  await using workspace = await openWorkspace({
    ...options,
    place: openPlace(join(temp.path, '.beads')),
  });
  const call = createCall(workspace);
  // During a merge the mirror is not written, so the change waits.
  writeFileSync(join(temp.path, '.git/MERGE_HEAD'), `${'a'.repeat(40)}\n`);
  await call('create_issue', { issue: { title: 'One' } });
  clock.advance(60 * MINUTE_MS);
  expect(workspace.sync.status()).toMatchObject({ state: 'by_hand', oldest_pending_s: 3600 });
  expect((await call('take_overdue_notice', {})).overdue).toBeNull();
});
