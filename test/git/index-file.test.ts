import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { removeLeftIndexLock, takeIndexLock } from '../../src/git/index-file.ts';
import { indexLockPath } from '../../src/git/operation-in-progress.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

test('a lock that its owner cannot be written into is not left for git to stop at', async () => {
  using temp = createTempDirectory();
  // Fails at the write, after the file was made, as a full disk does.
  const unwritable = Symbol('owner') as unknown as string;
  await expect(takeIndexLock(temp.path, unwritable)).rejects.toThrow();
  expect(readdirSync(temp.path)).toEqual([]);
});

test('a lock has one holder, and only its owner removes one that was left', async () => {
  using temp = createTempDirectory();
  const lock = await takeIndexLock(temp.path, 'bd one');
  expect(await takeIndexLock(temp.path, 'bd two')).toBeUndefined();
  expect(readFileSync(indexLockPath(temp.path), 'utf8')).toBe('bd one');
  await removeLeftIndexLock(temp.path, 'bd two');
  expect(readdirSync(temp.path)).toEqual(['index.lock']);
  await lock?.release();
  expect(readdirSync(temp.path)).toEqual([]);
});
