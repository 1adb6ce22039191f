import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  BD,
  createTestWorkspace,
  type RunOptions,
  type TestProject,
} from '../support/test-workspace.ts';

interface Listed {
  issue_id: string;
  field: string;
  kind: string;
  shown: { value: unknown };
  others: { value: unknown }[];
}

/** Three years, for one of the clones. */
const AHEAD_MS = 3 * 365 * 86_400_000;

test('what two people did without a network is all there when they meet, whatever their clocks say', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', clones: 2, client: 'here' });
  const [mia, lee] = world.clones as [TestProject, TestProject];
  const clock = join(world.root, 'clock.cjs');
  writeFileSync(clock, `const now = Date.now; Date.now = () => now() + ${AHEAD_MS};`);
  const alone = { CI: '1' };
  const asMia = person(mia, { env: { ...alone, BD_ACTOR: 'mia' } });
  const asLee = person(lee, {
    env: { ...alone, BD_ACTOR: 'lee', NODE_OPTIONS: `--require ${clock}` },
    program: BD,
  });
  await asMia('init', '--prefix', 't');
  for (const id of ['edit', 'close', 'claim', 'gone', 'both', 'text']) {
    await asMia('create', `About ${id}`, '--id', `t-${id}`, '-d', 'one\ntwo\nthree');
  }
  await asMia('sync');
  await asLee('init');
  renameSync(world.remote, `${world.remote}.away`);

  await asMia('update', 't-edit', '--title', 'Renamed by mia');
  await asLee('update', 't-edit', '--add-label', 'urgent', '--priority', '0');
  await asMia('close', 't-close', '--reason', 'Done');
  await asLee('comments', 'add', 't-close', 'Wait, one more thing');
  await asMia('update', 't-claim', '--claim');
  await asLee('update', 't-claim', '--claim');
  await asMia('delete', 't-gone', '--force');
  await asLee('update', 't-gone', '--title', 'Still needed');
  await asMia('update', 't-both', '--title', 'Says mia');
  await asLee('update', 't-both', '--title', 'Says lee');
  await asMia('update', 't-text', '-d', 'ONE\ntwo\nthree');
  await asLee('update', 't-text', '-d', 'one\ntwo\nTHREE');

  renameSync(`${world.remote}.away`, world.remote);
  for (const sync of [asMia, asLee, asMia, asLee, asMia]) await sync('sync');

  const mirror = ({ beadsDir }: TestProject) => readFileSync(join(beadsDir, 'beads.jsonl'), 'utf8');
  expect(mirror(lee)).toBe(mirror(mia));
  const shown = async (id: string) => JSON.parse(await asMia('show', id, '--json')) as object[];
  expect(await shown('t-edit')).toMatchObject([
    { title: 'Renamed by mia', labels: ['urgent'], priority: 0 },
  ]);
  expect(await shown('t-close')).toMatchObject([
    { status: 'closed', close_reason: 'Done', comments: [{ text: 'Wait, one more thing' }] },
  ]);
  expect(await shown('t-claim')).toMatchObject([{ assignee: 'mia', status: 'in_progress' }]);
  expect(await shown('t-text')).toMatchObject([{ description: 'ONE\ntwo\nTHREE' }]);
  const listed = await asMia('conflicts', '--json');
  expect(await asLee('conflicts', '--json')).toBe(listed);
  const { conflicts } = JSON.parse(listed) as { conflicts: Listed[] };
  expect(
    conflicts.map(({ issue_id: id, field, kind, shown: { value }, others }) => [
      id,
      field,
      kind,
      value,
      ...others.map((other) => other.value),
    ]),
  ).toEqual([
    ['t-both', 'title', 'values', 'Says lee', 'Says mia'],
    ['t-claim', 'assignee', 'values', 'mia', 'lee'],
    ['t-gone', 'title', 'edited-while-deleted', 'Still needed'],
  ]);

  // Knowing of it, mia decides, though her clock is three years behind.
  await asMia('conflicts', 'resolve', 't-both', 'title', '--take', 'other');
  await asMia('restore', 't-gone');
  for (const sync of [asMia, asLee, asMia]) await sync('sync');
  expect(mirror(lee)).toBe(mirror(mia));
  expect(JSON.parse(await asLee('show', 't-both', '--json'))).toMatchObject([
    { title: 'Says mia' },
  ]);
  expect(JSON.parse(await asLee('show', 't-gone', '--json'))).toMatchObject([
    { title: 'Still needed', status: 'open' },
  ]);
  const left = JSON.parse(await asLee('conflicts', '--json')) as { conflicts: Listed[] };
  expect(left.conflicts.map(({ issue_id: id }) => id)).toEqual(['t-claim']);
}, 180_000);

function person(project: TestProject, options: RunOptions) {
  return async (...args: string[]): Promise<string> => {
    const run = await project.bd(args, options);
    // Without a network a command is done, and says what waits.
    if (run.exitCode === 0 || args[0] === 'sync') return run.stdout;
    throw new Error(`bd ${args.join(' ')}: ${run.stderr}`);
  };
}
