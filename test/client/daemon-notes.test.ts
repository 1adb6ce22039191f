import type * as Fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { useBeadsDirectory } from '../support/beads-directory.ts';

const fault = vi.hoisted(() => ({ onRemoval: undefined as Error | undefined }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const rmSync: typeof fs.rmSync = (...args) => {
    if (fault.onRemoval !== undefined) throw fault.onRemoval;
    fs.rmSync(...args);
  };
  return { ...fs, rmSync };
});

// Another file may have loaded it without the fault.
vi.resetModules();
const { readDaemonOff, setDaemonOff, setDaemonOn } =
  await import('../../src/client/daemon-notes.ts');

const project = useBeadsDirectory();
afterEach(() => {
  fault.onRemoval = undefined;
});

test('it is off until it is switched on, or until its time is over', async () => {
  expect(readDaemonOff(project.place)).toBeUndefined();
  await setDaemonOff(project.place);
  expect(readDaemonOff(project.place)).toEqual({});
  setDaemonOn(project.place);
  expect(readDaemonOff(project.place)).toBeUndefined();
  await setDaemonOff(project.place, { forMs: 60_000 });
  expect(readDaemonOff(project.place)?.untilMs).toBeGreaterThan(Date.now());
  await setDaemonOff(project.place, { forMs: -1 });
  expect(readDaemonOff(project.place)).toBeUndefined();
});

test('that it stays off is said, where what keeps it off cannot be removed', async () => {
  await setDaemonOff(project.place);
  fault.onRemoval = new Error('EACCES: permission denied');
  expect(() => setDaemonOn(project.place)).toThrow(
    expect.objectContaining({
      code: 'FILE_UNUSABLE',
      message: `cannot remove ${join(project.beadsDir, 'daemon.off')}: EACCES: permission denied`,
    }),
  );
  expect(readDaemonOff(project.place)).toEqual({});
});
