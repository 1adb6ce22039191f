import { renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type * as filesystem from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dateBack, renameStamped, stampFile } from '../../src/platform/file-version.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

/** What another program does as soon as the file is in its place. */
let meanwhile: () => void;
vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof filesystem>();
  return {
    ...actual,
    async rename(from: string, to: string): Promise<void> {
      await actual.rename(from, to);
      meanwhile();
    },
  };
});

let directory: TempDirectory;
let [staged, path] = ['', ''];
beforeEach(() => {
  directory = createTempDirectory();
  [staged, path] = ['staged', 'file'].map((name) => join(directory.path, name)) as [string, string];
  meanwhile = () => {};
  writeFileSync(staged, 'ours');
});
afterEach(() => directory[Symbol.dispose]());

/** As a file system that keeps times in units of `unitNs` would set the time of `staged`. */
async function dateBackIn(unitNs: bigint): Promise<bigint | undefined> {
  const round = (ns: bigint): bigint => ns - (ns % unitNs);
  const file = await open(staged, 'r+');
  const writtenNs = round((await file.stat({ bigint: true })).mtimeNs);
  const kept = {
    stat: () => Promise.resolve({ mtimeNs: writtenNs }),
    utimes(atime: number, mtime: number): Promise<void> {
      const seconds = Number(round(BigInt(Math.round(mtime * 1_000)) * 1_000_000n)) / 1e9;
      return file.utimes(atime, seconds);
    },
  };
  try {
    return await dateBack(kept as unknown as filesystem.FileHandle);
  } finally {
    await file.close();
  }
}

describe('the stamp of a file that was put in its place', () => {
  it.each([
    ['nanoseconds', 1n],
    ['whole seconds', 1_000_000_000n],
    ['every second second', 2_000_000_000n],
  ])('has a time before any later write where the file system keeps %s', async (_name, unitNs) => {
    const writtenNs = await dateBackIn(unitNs);
    const stamp = await renameStamped(staged, path, writtenNs);
    expect(stamp).toBe(stampFile(path)?.text);
    expect(statSync(path, { bigint: true }).mtimeNs).toBeLessThan(writtenNs ?? 0n);
  });

  it('changes with a write of the same size in the same tick, time after time', async () => {
    for (let round = 0; round < 200; round++) {
      writeFileSync(staged, 'ours');
      const stamp = await renameStamped(staged, path, await dateBackIn(1n));
      expect(stamp).toBeDefined();
      writeFileSync(path, 'hers', { flag: 'r+' });
      expect(stampFile(path)?.text).not.toBe(stamp);
    }
  });

  it('tells nothing where the time of a file cannot be set', async () => {
    const file = await open(staged, 'r+');
    vi.spyOn(file, 'utimes').mockRejectedValue(new Error('not supported'));
    const writtenNs = await dateBack(file);
    await file.close();
    expect(await renameStamped(staged, path, writtenNs)).toBeUndefined();
  });

  it('tells nothing where the file system ignored that', async () => {
    const { mtimeNs } = statSync(staged, { bigint: true });
    expect(await renameStamped(staged, path, mtimeNs)).toBeUndefined();
  });

  it('tells nothing when the file was written over meanwhile', async () => {
    meanwhile = () => writeFileSync(path, 'hers', { flag: 'r+' });
    expect(await renameStamped(staged, path, await dateBackIn(1n))).toBeUndefined();
  });

  it('tells nothing when another file was put there meanwhile', async () => {
    const writtenNs = await dateBackIn(1n);
    meanwhile = () => {
      writeFileSync(staged, 'hers');
      utimesSync(staged, 1_700_000_000, 1_700_000_000);
      renameSync(staged, path);
    };
    expect(await renameStamped(staged, path, writtenNs)).toBeUndefined();
  });
});
