import { execFileSync, spawnSync } from 'node:child_process';
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { watchIdentity } from '../../src/platform/file-version.ts';
import { FILE_NAMES, openPlace, WorkspacePlace } from '../../src/place/workspace-place.ts';
import { BEADS_FILES } from '../../src/workspace/init/beads-files.ts';
import { useBeadsDirectory } from '../support/beads-directory.ts';
import { REAL_GIT } from '../support/real-git.ts';

const project = useBeadsDirectory();

const place = (): WorkspacePlace => new WorkspacePlace(project.beadsDir);

test('all ways to one workspace lead to the same place', () => {
  symlinkSync(project.beadsDir, join(project.path, 'link'));

  const linked = openPlace(join(project.path, 'link'));

  expect(linked.beadsDir).toBe(project.beadsDir);
  expect(linked.projectDir).toBe(project.path);
  for (const file of [
    linked.lockFile,
    linked.socketLink,
    linked.configFile,
    linked.file('x.jsonl'),
  ]) {
    expect(dirname(file)).toBe(project.beadsDir);
  }
});

test.each(['daemon.pid', 'daemon.log', 'daemon.lock', 'beads.db-wal', 'quarantine'])(
  'a link in the place of %s is refused, wherever it leads',
  (name) => {
    symlinkSync('../../elsewhere', join(project.beadsDir, name));
    expect(() => place().refuseLinks()).toThrow(
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
  place().refuseLinks();
  new WorkspacePlace(join(project.path, 'linked')).refuseLinks();
});

test('a name that only this workspace uses can be checked too', () => {
  symlinkSync('../x', join(project.beadsDir, 'other.db'));
  place().refuseLinks();
  expect(() => place().refuseLinks(['other.db'])).toThrow('symbolic link');
});

test('git ignores each file of one machine, and none of the project’s', () => {
  execFileSync(REAL_GIT, ['init', '-q', project.path]);
  writeFileSync(join(project.beadsDir, '.gitignore'), BEADS_FILES['.gitignore']);
  const isIgnored = (name: string): boolean =>
    spawnSync(REAL_GIT, ['check-ignore', '-q', name], { cwd: project.beadsDir }).status === 0;
  const { project: shared, ...machine } = FILE_NAMES;
  // The directories are told by the slash, as they do not exist.
  const named = (name: string): string =>
    FILE_NAMES.aside.includes(name as never) ? `${name}/` : name;
  expect(
    Object.values(machine)
      .flat()
      .map(named)
      .filter((name) => !isIgnored(name)),
  ).toEqual([]);
  expect(shared.filter(isIgnored)).toEqual([]);
});

test('every file that a place names is in the one list of names', () => {
  const members: unknown[] = Object.values(place());
  const files = members.filter(
    (path) => typeof path === 'string' && dirname(path) === place().beadsDir,
  ) as string[];
  expect(files.length).toBeGreaterThan(5);
  const listed: readonly string[] = Object.values(FILE_NAMES).flat();
  expect(files.filter((path) => !listed.includes(basename(path)))).toEqual([]);
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
