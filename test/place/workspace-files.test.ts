import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { watchIdentity } from '../../src/platform/file-version.ts';
import { refuseLinks } from '../../src/place/workspace-files.ts';
import { useBeadsDirectory } from '../support/beads-directory.ts';

const project = useBeadsDirectory();

test.each(['daemon.pid', 'daemon.log', 'daemon.lock', 'beads.db-wal', 'quarantine'])(
  'a link in the place of %s is refused, wherever it leads',
  (name) => {
    symlinkSync('../../elsewhere', join(project.beadsDir, name));
    expect(() => refuseLinks(project.beadsDir)).toThrow(
      expect.objectContaining({
        code: 'FILE_UNUSABLE',
        message: expect.stringMatching(new RegExp(`${name} .*\\.\\./\\.\\./elsewhere`)),
      }),
    );
  },
);

test('plain files, the link to the socket, and a linked workspace are as they should be', () => {
  writeFileSync(join(project.beadsDir, 'daemon.pid'), '1\n');
  symlinkSync('/run/user/0/bd/x.sock', join(project.beadsDir, 'bd.sock'));
  symlinkSync(project.beadsDir, join(project.path, 'linked'));
  refuseLinks(project.beadsDir);
  refuseLinks(join(project.path, 'linked'));
});

test('a name that only this workspace uses can be checked too', () => {
  symlinkSync('../x', join(project.beadsDir, 'other.db'));
  refuseLinks(project.beadsDir);
  expect(() => refuseLinks(project.beadsDir, ['other.db'])).toThrow('symbolic link');
});

test('a file is the same until it is replaced or gone', () => {
  const path = join(project.beadsDir, 'daemon.lock');
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
