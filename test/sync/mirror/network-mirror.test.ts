import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type * as fileVersion from '../../../src/platform/file-version.ts';
import { MirrorFile } from '../../../src/sync/mirror/mirror-file.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { issue, put } from '../fixture.ts';
import { useSandbox } from '../../support/sandbox.ts';

vi.mock('../../../src/platform/file-system.ts', async (original) => ({
  ...(await original<object>()),
  isNetworkFileSystem: () => true,
}));
/** As such a file system shows it for a while after another machine's edit. */
vi.mock('../../../src/platform/file-version.ts', async (original) => ({
  ...(await original<typeof fileVersion>()),
  stampFile: () => ({ text: 'as before', isSettled: true }),
}));

const sandbox = useSandbox();
let store: Store;
beforeEach(() => {
  store = openStore(join(sandbox.directory, 'beads.db'), { clock: createFakeClock() });
});
afterEach(() => {
  store.close();
});

it('an edit that the status of the file does not show yet is not written over', async () => {
  const path = join(sandbox.directory, 'beads.jsonl');
  const mirror = new MirrorFile({
    path,
    quarantineDirectory: join(sandbox.directory, 'quarantine'),
    store,
    clock: createFakeClock(),
    pause: () => Promise.resolve(),
  });
  put(store, issue('t-a', { title: 'Ours' }));
  await mirror.flush();
  await mirror.look();
  expect(mirror.mayBeEdited()).toBe(false);
  writeFileSync(path, readFileSync(path, 'utf8').replace('Ours', 'Hers'));
  put(store, issue('t-b'));
  expect(await mirror.flush()).toMatchObject({ imported: 1, written: true });
  expect(store.issues.get('t-a')?.title).toBe('Hers');
});
