import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { asidePath } from '../../src/store/open-files.ts';
import { checkWorkspace } from '../../src/workspace/checkup/checkup.ts';
import { REAL_GIT } from '../support/real-git.ts';
import { useBeadsDirectory } from '../support/beads-directory.ts';

const project = useBeadsDirectory();

async function finding(wanted: string) {
  const env = { HOME: project.path, PATH: process.env['PATH'] ?? '' };
  const found = await checkWorkspace(openPlace(project.beadsDir), {
    env,
    nowMs: 0,
    sync: undefined,
  });
  return found.find(({ name }) => name === wanted);
}

test('a project directory that git would take for a bare repository is reported, and not used', async () => {
  execFileSync(REAL_GIT, ['init', '-q', '--bare', project.path]);
  expect(await finding('Repository')).toMatchObject({
    status: 'warning',
    message: `${project.path} looks like a bare repository, whose settings could run programs`,
  });
});

test('stores that were put aside are named', async () => {
  expect((await finding('Kept aside'))?.message).toBe('nothing');
  const aside = asidePath(join(project.beadsDir, 'beads.db'), 1700);
  for (const name of [aside, `${aside}-wal`]) writeFileSync(name, '');
  expect(await finding('Kept aside')).toMatchObject({
    status: 'ok',
    message: 'stores that could not be used: beads.db-aside-1700',
  });
});
