import { closeSync, openSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { asideMs } from '../../src/store/open-files.ts';
import { openStore } from '../../src/store/store.ts';
import { holdStore, type HeldStore } from '../../src/workspace/held-store.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let beadsDir: string;
let path: string;
let held: HeldStore;
beforeEach(() => {
  temp = createTempDirectory();
  beadsDir = temp.path;
  path = join(beadsDir, 'beads.db');
  writeFileSync(openPlace(beadsDir).lockFile, '');
  held = holdStore(openPlace(beadsDir), () => openStore(path, { clock: systemClock }));
  held.store.state.set('imported_from', 'value');
});
afterEach(() => {
  held.close();
  temp[Symbol.dispose]();
});

/** As when the lock was deleted and another process has made its own. */
function replaceLock(): void {
  renameSync(openPlace(beadsDir).lockFile, join(beadsDir, 'former.lock'));
  writeFileSync(openPlace(beadsDir).lockFile, '');
}

function scribble(): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(100, 0xa5), 0, 100, 5_000);
  closeSync(file);
}

const refusal = expect.objectContaining({ code: 'LOCK_UNAVAILABLE' });

test('a store that is ours is written and shown', () => {
  expect(held.standing()).toBe('ours');
  expect(() => held.guardWriting()).not.toThrow();
  expect(() => held.guardShowing()).not.toThrow();
});

test('one whose file went away is whole: it is shown, and not written any more', () => {
  renameSync(path, `${path}.away`);
  expect(held.standing()).toBe('replaced');
  expect(() => held.guardWriting()).toThrow(refusal);
  expect(() => held.guardShowing()).not.toThrow();
});

test.each([
  ['the lock of which is another’s', replaceLock],
  ['into which another program wrote', scribble],
])('one %s is neither written nor shown', (_how, lose) => {
  lose();
  expect(held.standing()).toBe('lost');
  expect(() => held.guardWriting()).toThrow(refusal);
  expect(() => held.guardShowing()).toThrow(refusal);
});

test('only the holder of the lock puts an overwritten store aside', () => {
  const aside = () => readdirSync(beadsDir).filter((name) => asideMs(name) !== undefined);
  scribble();
  replaceLock();
  held.close();
  expect(aside()).toEqual([]);
  held = holdStore(openPlace(beadsDir), () => openStore(path, { clock: systemClock }));
  held.store.state.set('imported_from', 'again');
  scribble();
  held.close();
  expect(aside()).toHaveLength(1);
});
