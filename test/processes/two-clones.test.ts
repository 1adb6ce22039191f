import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createTestWorkspace, type TestProject } from '../support/test-workspace.ts';

interface Shown {
  id: string;
  title: string;
  status: string;
  assignee?: string;
  labels?: string[];
  dependencies?: { id: string }[];
  comments?: { text: string }[];
}

/** Sooner than by itself: what is shown is that it comes, not how long people wait. */
const FETCH_MS = '500';
const ARRIVAL_DEADLINE_MS = 60_000;

/** Looking is all that is done on the other side: no `bd sync`. */
async function arrives(at: TestProject, id: string, expected: (issue: Shown) => boolean) {
  const look = async (): Promise<boolean> => {
    const run = await at.bd(['show', id, '--json']);
    const [issue] = run.exitCode === 0 ? (JSON.parse(run.stdout) as Shown[]) : [];
    return issue !== undefined && expected(issue);
  };
  await eventually(look, {
    deadlineMs: ARRIVAL_DEADLINE_MS,
    what: `${id}: ${expected.toString()}`,
  });
}

test('what is done in one clone arrives in the other, both ways, by the daemons’ work alone', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', clones: 2, client: 'here' });
  const [mia, lee] = world.clones as [TestProject, TestProject];
  await mia.bdText(['init', '--prefix', 't']);
  await lee.bdText(['init']);
  for (const clone of [mia, lee])
    await clone.bdText(['config', 'set', 'sync.fetch_active_ms', FETCH_MS]);
  for (const [here, there] of [
    [mia, lee],
    [lee, mia],
  ] as const) {
    const id = (await here.bdText(['q', 'Made here'])).trim();
    const other = (await here.bdText(['q', 'Needed first'])).trim();
    await arrives(there, id, (issue) => issue.title === 'Made here');
    await here.bdText(['update', id, '--title', 'Renamed', '--claim']);
    await arrives(
      there,
      id,
      (issue) => issue.title === 'Renamed' && issue.status === 'in_progress',
    );
    await here.bdText(['label', 'add', id, 'urgent']);
    await here.bdText(['dep', 'add', id, other]);
    await here.bdText(['comments', 'add', id, 'Wait for it']);
    await arrives(
      there,
      id,
      (issue) =>
        issue.labels?.join() === 'urgent' &&
        issue.dependencies?.[0]?.id === other &&
        issue.comments?.[0]?.text === 'Wait for it',
    );
    await here.bdText(['close', other]);
    await arrives(there, other, (issue) => issue.status === 'closed');
    await here.bdText(['delete', id, '--force']);
    await eventually(async () =>
      /no issue found matching .*deleted/.test((await there.bd(['show', id])).stderr),
    );
  }
  const mirror = (clone: TestProject) => readFileSync(join(clone.beadsDir, 'beads.jsonl'), 'utf8');
  await eventually(() => mirror(lee) === mirror(mia));
}, 180_000);

test('after init and 50 changes git is as it was, and the remote has one new branch', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  const fingerprint = () => ({
    head: readFileSync(join(world.directory, '.git/HEAD'), 'utf8'),
    config: readFileSync(join(world.directory, '.git/config'), 'utf8'),
    index: existsSync(join(world.directory, '.git/index')),
    hooks: world.git('ls-files', '--others', '.git/hooks'),
    branches: world.git('for-each-ref', 'refs/heads', 'refs/tags', 'refs/remotes/origin/main'),
    status: world.git('status', '--porcelain'),
    stash: world.git('stash', 'list'),
    log: world.git('log', '--format=%H', '--branches'),
  });
  const before = fingerprint();
  await world.bdText(['init', '--prefix', 't']);
  for (let change = 0; change < 50; change++) await world.bdText(['q', `Change ${change}`]);
  await eventually(async () => {
    const status = await world.bdJson<{ sync: { pending: number; state: string } }>(['status']);
    return status.sync.pending === 0 && status.sync.state === 'ok';
  });
  expect(fingerprint()).toEqual(before);
  const branches = world.git('ls-remote', '--heads', 'origin').split('\n');
  expect(branches.map((line) => line.split('\t')[1])).toEqual([
    'refs/heads/beads-sync',
    'refs/heads/main',
  ]);
  const lines = world.git('--git-dir', world.remote, 'show', 'beads-sync:.beads/issues.jsonl');
  expect(lines.split('\n').filter((line) => line !== '')).toHaveLength(50);
}, 120_000);
