import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { silentLog } from '../../src/platform/log.ts';
import { initialise } from '../../src/workspace/init/initialise.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace } from '../../src/workspace/workspace.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
const { at } = sandbox;

const MINUTE_MS = 60_000;

test('changes that wait for ten minutes are reported once every ten, in every process', async () => {
  const remote = at('remote.git');
  const directory = at('w');
  const git = (...args: string[]) => sandbox.git(directory, ...args);
  mkdirSync(directory);
  git('init', '-q', '--bare', remote);
  git('init', '-q', '-b', 'main');
  git('remote', 'add', 'origin', remote);
  const clock = createFakeClock();
  const options = { env: sandbox.env, clock, log: silentLog };
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
    const directory = at('w');
    mkdirSync(directory);
    sandbox.git(directory, 'init', '-q');
    const clock = createFakeClock();
    const options = { env: sandbox.env, clock, log: silentLog };
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
  sandbox.git(sandbox.directory, 'init', '-q', '-b', 'main');
  const clock = createFakeClock();
  const options = { env: sandbox.env, clock, log: silentLog };
  await initialise({ ...options, directory: sandbox.directory, isLocal: false, mode: 'worktree' });
  await using workspace = await openWorkspace({
    ...options,
    place: openPlace(at('.beads')),
  });
  const call = createCall(workspace);
  // During a merge the mirror is not written, so the change waits.
  writeFileSync(at('.git/MERGE_HEAD'), `${'a'.repeat(40)}\n`);
  await call('create_issue', { issue: { title: 'One' } });
  clock.advance(60 * MINUTE_MS);
  expect(workspace.sync.status()).toMatchObject({ state: 'by_hand', oldest_pending_s: 3600 });
  expect((await call('take_overdue_notice', {})).overdue).toBeNull();
});
