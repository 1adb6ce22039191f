import type * as Fs from 'node:fs';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { readDaemonOff, setDaemonOff, setDaemonOn } from '../../src/client/daemon-off.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

const fault = vi.hoisted(() => ({ onRemoval: undefined as Error | undefined }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const rmSync: typeof fs.rmSync = (...args) => {
    if (fault.onRemoval !== undefined) throw fault.onRemoval;
    fs.rmSync(...args);
  };
  return { ...fs, rmSync };
});

let temp: TempDirectory;
let beadsDir: string;
beforeEach(() => {
  temp = createTempDirectory();
  beadsDir = join(temp.path, '.beads');
  mkdirSync(beadsDir);
});
afterEach(() => {
  fault.onRemoval = undefined;
  temp[Symbol.dispose]();
});

test('it is off until it is switched on, or until its time is over', async () => {
  expect(readDaemonOff(beadsDir)).toBeUndefined();
  await setDaemonOff(beadsDir);
  expect(readDaemonOff(beadsDir)).toEqual({});
  setDaemonOn(beadsDir);
  expect(readDaemonOff(beadsDir)).toBeUndefined();
  await setDaemonOff(beadsDir, { forMs: 60_000 });
  expect(readDaemonOff(beadsDir)?.untilMs).toBeGreaterThan(Date.now());
  await setDaemonOff(beadsDir, { forMs: -1 });
  expect(readDaemonOff(beadsDir)).toBeUndefined();
});

test('that it stays off is said, where what keeps it off cannot be removed', async () => {
  await setDaemonOff(beadsDir);
  fault.onRemoval = new Error('EACCES: permission denied');
  expect(() => setDaemonOn(beadsDir)).toThrow(
    expect.objectContaining({
      code: 'FILE_UNUSABLE',
      message: `cannot remove ${join(beadsDir, 'daemon.off')}: EACCES: permission denied`,
    }),
  );
  expect(readDaemonOff(beadsDir)).toEqual({});
});
