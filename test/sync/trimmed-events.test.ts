import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/store/store.ts';
import { IssueTree } from '../../src/sync/branch/issue-tree.ts';
import { MirrorFile, type Mirror, type Tracking } from '../../src/sync/mirror/mirror-file.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { issue, line, put } from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let clock: FakeClock;
let store: Store;
let path: string;
let tracking: Tracking;

beforeEach(() => {
  clock = createFakeClock();
  store = openStore(join(sandbox.directory, 'beads.db'), { clock });
  path = join(sandbox.directory, 'beads.jsonl');
  tracking = { operation: undefined, isLocked: false };
});
afterEach(() => {
  store.close();
});

/** Removes every event that may go, as if all of them were old. */
function trim(): void {
  const nowMs = clock.nowMs() + 1;
  while (store.events.trim({ nowMs, keepMs: 0, keepCount: 0 }, store.transaction));
}

function openMirror(): Mirror {
  const quarantineDirectory = join(sandbox.directory, 'quarantine');
  const pause = (): Promise<void> => Promise.resolve();
  return new MirrorFile({
    path,
    quarantineDirectory,
    store,
    clock,
    pause,
    tracking: () => tracking,
  });
}

const shown = (): string => readFileSync(path, 'utf8');

test('a branch in parts shows a change whose event is gone', async () => {
  const objects = {
    write: (_kind: string, content: Uint8Array) =>
      Promise.resolve(createHash('sha1').update(content).digest('hex')),
  };
  const tree = new IssueTree(store, objects);
  put(store, issue('t-a'), issue('t-b'));
  await tree.write({ hasParts: true });
  put(store, issue('t-a', { title: 'Changed' }));
  put(store, issue('t-c'));
  trim();
  expect(store.events.read({ after: 0, limit: 10 })).toHaveLength(1);
  const { entry } = await tree.write({ hasParts: true });
  expect(entry).toEqual((await new IssueTree(store, objects).write({ hasParts: true })).entry);
});

test('a change here is written to a tracked mirror, also when its event is gone', async () => {
  const mirror = openMirror();
  put(store, issue('t-a'));
  await mirror.flush();
  const older = shown();
  put(store, issue('t-b'));
  await mirror.flush();
  tracking.operation = 'rebase';
  put(store, issue('t-c'));
  // As git puts another version there, and waits for the user.
  writeFileSync(path, older);
  expect(await mirror.flush()).toMatchObject({ postponed: 'rebase' });
  writeFileSync(path, `${older}${line('t-d')}\n`);
  expect(await mirror.flush()).toMatchObject({ postponed: 'rebase', imported: 1 });
  trim();
  expect(store.events.read({ after: 0, limit: 10 }).map(({ origin }) => origin)).toEqual([
    'mirror',
  ]);
  tracking.operation = undefined;
  writeFileSync(path, older);
  expect(await mirror.flush()).toMatchObject({ written: true });
  for (const id of ['t-a', 't-b', 't-c', 't-d']) expect(shown()).toContain(`"id":"${id}"`);
});

test('the event of a change here stays until a tracked mirror shows the change', async () => {
  const mirror = openMirror();
  put(store, issue('t-a'));
  await mirror.flush();
  const older = shown();
  put(store, issue('t-b'));
  await mirror.flush();
  put(store, issue('t-c'));
  put(store, issue('t-d'));
  writeFileSync(path, older);
  trim();
  const left = store.events.read({ after: 0, limit: 10 });
  expect(left.map(({ issue_id: id }) => id)).toEqual(['t-c', 't-d']);
  expect(await mirror.flush()).toMatchObject({ written: true });
  expect(shown()).toContain('"id":"t-c"');
});

test('an edit of the mirror keeps later changes, also when all older events are gone', async () => {
  const mirror = openMirror();
  put(store, issue('t-a'));
  await mirror.flush();
  trim();
  writeFileSync(path, shown().replace('Title of t-a', 'Edited'));
  put(store, issue('t-a', { priority: 1, updated_at: '2026-01-02T00:00:00.000Z' }));
  trim();
  expect(await mirror.flush()).toMatchObject({ imported: 1 });
  expect(store.issues.get('t-a')).toMatchObject({ title: 'Edited', priority: 1 });
});
