import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchPresence, type PresenceWatch } from '../../src/platform/presence-watch.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let directory: string;
let told: number;
let watch: PresenceWatch;

beforeEach(() => {
  temp = createTempDirectory();
  directory = join(temp.path, 'watched');
  mkdirSync(directory);
  writeFileSync(join(directory, 'lock'), '');
  told = 0;
  watch = watchPresence(directory, { names: ['lock'], onChange: () => void (told += 1) });
});
afterEach(() => {
  watch.close();
  temp[Symbol.dispose]();
});

test.each([
  ['the directory is moved away', () => renameSync(directory, `${directory}.moved`)],
  ['it is deleted', () => rmSync(directory, { recursive: true })],
  ['all that it is in is deleted', () => rmSync(temp.path, { recursive: true })],
  ['a named file goes', () => rmSync(join(directory, 'lock'))],
  [
    'a named file is replaced',
    () => {
      writeFileSync(join(directory, 'other'), '');
      renameSync(join(directory, 'other'), join(directory, 'lock'));
    },
  ],
])('it is told when %s', async (_what, act) => {
  act();
  await eventually(() => told > 0);
});

test('other files and what is written into one are no news', async () => {
  writeFileSync(join(directory, 'other'), 'x');
  writeFileSync(join(directory, 'lock'), 'more');
  rmSync(join(directory, 'other'));
  // Events come in order: with this one, those before it have come.
  rmSync(join(directory, 'lock'));
  await eventually(() => told > 0);
  expect(told).toBe(1);
});

test('a directory that cannot be watched is said to be so', () => {
  const nowhere = join(temp.path, 'nowhere');
  const none = watchPresence(nowhere, { names: [], onChange() {} });
  expect(none.isWatching).toBe(false);
  none.close();
  expect(watch.isWatching).toBe(true);
});
