import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchIdentity } from '../../src/platform/file-version.ts';
import { refuseLinks } from '../../src/platform/workspace-files.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let beadsDir: string;
beforeEach(() => {
  temp = createTempDirectory();
  beadsDir = join(temp.path, '.beads');
  mkdirSync(beadsDir);
});
afterEach(() => temp[Symbol.dispose]());

test.each(['daemon.pid', 'daemon.log', 'daemon.lock', 'beads.db-wal', 'quarantine'])(
  'a link in the place of %s is refused, wherever it leads',
  (name) => {
    symlinkSync('../../elsewhere', join(beadsDir, name));
    expect(() => refuseLinks(beadsDir)).toThrow(
      expect.objectContaining({
        code: 'FILE_UNUSABLE',
        message: expect.stringMatching(new RegExp(`${name} .*\\.\\./\\.\\./elsewhere`)),
      }),
    );
  },
);

test('plain files, the link to the socket, and a linked workspace are as they should be', () => {
  writeFileSync(join(beadsDir, 'daemon.pid'), '1\n');
  symlinkSync('/run/user/0/bd/x.sock', join(beadsDir, 'bd.sock'));
  symlinkSync(beadsDir, join(temp.path, 'linked'));
  refuseLinks(beadsDir);
  refuseLinks(join(temp.path, 'linked'));
});

test('a name that only this workspace uses can be checked too', () => {
  symlinkSync('../x', join(beadsDir, 'other.db'));
  refuseLinks(beadsDir);
  expect(() => refuseLinks(beadsDir, ['other.db'])).toThrow('symbolic link');
});

test('a file is the same until it is replaced or gone', () => {
  const path = join(beadsDir, 'daemon.lock');
  writeFileSync(path, '');
  const isSame = watchIdentity(path);
  writeFileSync(path, 'more');
  expect(isSame()).toBe(true);
  renameSync(path, `${path}.old`);
  expect(isSame()).toBe(false);
  writeFileSync(path, 'more');
  expect(isSame()).toBe(false);
  rmSync(path);
  renameSync(`${path}.old`, path);
  expect(isSame()).toBe(true);
});
