import { renameSync, utimesSync, writeFileSync } from 'node:fs';
import type * as filesystem from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { renameStamped, stampFile } from '../../src/platform/file-version.ts';
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

/** Sets the time of the last write, in milliseconds from now. */
const setWritten = (offsetMs: number): void => {
  const seconds = (Date.now() + offsetMs) / 1_000 + 0.000_123;
  utimesSync(staged, seconds, seconds);
};

describe('the stamp of a file that was put in its place', () => {
  it('is that of the file, where its time is in the past', async () => {
    setWritten(-1_000);
    expect(await renameStamped(staged, path)).toBe(stampFile(path)?.text);
  });

  it('tells nothing where a later write can get the same time', async () => {
    setWritten(1_000);
    expect(await renameStamped(staged, path)).toBeUndefined();
  });

  it('tells nothing where the file system keeps whole seconds', async () => {
    utimesSync(staged, 1_700_000_000, 1_700_000_000);
    expect(await renameStamped(staged, path)).toBeUndefined();
  });

  it('tells nothing when another file was put there meanwhile', async () => {
    setWritten(-1_000);
    meanwhile = () => {
      writeFileSync(staged, 'hers');
      setWritten(-2_000);
      renameSync(staged, path);
    };
    expect(await renameStamped(staged, path)).toBeUndefined();
  });
});
