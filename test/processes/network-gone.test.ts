import { renameSync } from 'node:fs';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestProject } from '../support/test-workspace.ts';

interface Status {
  sync: { pending: number; state: string };
}

const CHANGES = 100;

/** The wait after some failures, and the time of a slow machine. */
const ARRIVAL_DEADLINE_MS = 90_000;

test('a hundred changes without a network, with a new daemon in between, arrive together', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', clones: 2, client: 'here' });
  const [mia, lee] = world.clones as [TestProject, TestProject];
  await mia.bdText(['init', '--prefix', 't']);
  await lee.bdText(['init']);
  const settled = (): Promise<unknown> =>
    eventually(
      async () => {
        const { sync } = await mia.bdJson<Status>(['status']);
        return sync.pending === 0 && sync.state === 'ok';
      },
      { deadlineMs: ARRIVAL_DEADLINE_MS, what: 'all is shared' },
    );
  const commits = (): number =>
    Number(mia.git('--git-dir', world.remote, 'rev-list', '--count', 'beads-sync'));
  await settled();
  const before = commits();
  renameSync(world.remote, `${world.remote}.away`);

  const ids: string[] = [];
  const change = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) ids.push((await mia.bdText(['q', `Change ${at}`])).trim());
  };
  await change(CHANGES / 2);
  const pid = mia.daemonPid();
  await mia.bdText(['daemon', 'stop']);
  await change(CHANGES / 2);
  expect(mia.daemonPid()).not.toBe(pid);
  await eventually(async () => {
    const { sync } = await mia.bdJson<Status>(['status']);
    return sync.state === 'offline' && sync.pending === CHANGES;
  });

  renameSync(`${world.remote}.away`, world.remote);
  await settled();
  expect(commits() - before).toBeLessThanOrEqual(2);
  await lee.bd(['sync']);
  const listed = await lee.bdJson<{ id: string }[]>(['list', '--limit', '0']);
  expect(listed.map(({ id }) => id).sort()).toEqual(ids.sort());
}, 180_000);
