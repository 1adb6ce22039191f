import { expect, test } from 'vitest';
import { createTestWorkspace, type TestProject } from '../support/test-workspace.ts';

const DIRECT = { env: { BEADS_NO_DAEMON: '1' } };

test('two clones list the same conflicts, one settles them, and the other has none', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', clones: 2, client: 'here' });
  const [mia, lee] = world.clones as [TestProject, TestProject];
  const run = (at: TestProject, ...args: string[]): Promise<string> => at.bdText(args, DIRECT);
  const sync = async (...order: TestProject[]): Promise<void> => {
    for (const clone of order) await run(clone, 'sync');
  };
  await run(mia, 'init', '--prefix', 't');
  await run(mia, 'create', 'First', '--id', 't-1');
  await run(mia, 'create', 'Second', '--id', 't-2');
  await sync(mia);
  await run(lee, 'init');
  await sync(lee);
  for (const [clone, name] of [
    [mia, 'mia'],
    [lee, 'lee'],
  ] as const) {
    await run(
      clone,
      'update',
      't-1',
      '--title',
      name,
      '--status',
      name === 'mia' ? 'open' : 'blocked',
    );
  }
  await run(mia, 'delete', 't-2', '--force');
  await run(lee, 'update', 't-2', '--notes', 'Still needed');
  await sync(mia, lee, mia);
  const listed = await run(mia, 'conflicts', '--json');
  expect(await run(lee, 'conflicts', '--json')).toBe(listed);
  const { conflicts } = JSON.parse(listed) as { conflicts: { issue_id: string; field: string }[] };
  expect(conflicts.map(({ issue_id: id, field }) => [id, field])).toEqual([
    ['t-1', 'title'],
    ['t-2', 'notes'],
  ]);
  await run(lee, 'conflicts', 'resolve', 't-1', 'title', '--value', 'Both');
  await run(lee, 'conflicts', 'resolve', 't-2', 'notes', '--take', 'other');
  await sync(lee, mia);
  expect(await run(mia, 'conflicts')).toBe('No conflicts.\n');
  expect(await run(mia, 'show', 't-1', '--short')).toContain('Both');
  expect(await run(mia, 'show', 't-2')).toContain('Still needed');
}, 120_000);
