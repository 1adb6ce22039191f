import { cpSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace } from '../../src/workspace/workspace.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

const EXAMPLE = resolve(import.meta.dirname, '../../.beads.example');

test('the example workspace opens, and its file is what bd itself would write', async () => {
  using temp = createTempDirectory();
  const beadsDir = join(temp.path, '.beads');
  cpSync(EXAMPLE, beadsDir, { recursive: true });
  const env = { HOME: temp.path, PATH: process.env['PATH'] };
  await using workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env,
    clock: systemClock,
    log: silentLog,
  });
  const report = await workspace.sync.flushMirror();
  expect(report.problems).toEqual([]);
  expect(readFileSync(join(beadsDir, 'beads.jsonl'), 'utf8')).toBe(
    readFileSync(join(EXAMPLE, 'beads.jsonl'), 'utf8'),
  );
  const call = createCall(workspace);
  const ready = (await call('list_ready', { sort: 'id' })).issues.map(({ id }) => id);
  expect(ready).toEqual(['kite-3f2a', 'kite-7q0d', 'kite-b81x', 'kite-k9wz', 'kite-p4rt'].sort());
  const blocked = (await call('list_blocked', {})).issues;
  expect(blocked.map(({ id, blocked_by: by }) => [id, by])).toEqual([
    ['kite-3f2a.3', ['kite-3f2a.2']],
  ]);
  expect(
    (await call('create_issue', { issue: { title: 'x', issue_type: 'spike' } })).issue_id,
  ).toMatch(/^kite-/);
});

test('every setting is shown in the example, as bd knows it', async () => {
  using temp = createTempDirectory();
  const beadsDir = join(temp.path, '.beads');
  cpSync(EXAMPLE, beadsDir, { recursive: true });
  await using workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env: { PATH: process.env['PATH'] },
    clock: systemClock,
    log: silentLog,
  });
  const { entries } = await createCall(workspace)('explain_config', {});
  const text = readFileSync(join(EXAMPLE, 'config.yaml'), 'utf8');
  const missing = entries.filter(({ key }) => !text.includes(`${key.split('.').at(-1)}:`));
  expect(missing).toEqual([]);
});
