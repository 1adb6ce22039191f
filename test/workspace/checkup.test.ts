import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { asidePath } from '../../src/store/open-files.ts';
import { checkWorkspace } from '../../src/workspace/checkup/checkup.ts';
import { REAL_GIT } from '../support/real-git.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let beadsDir: string;
beforeEach(() => {
  temp = createTempDirectory();
  beadsDir = join(temp.path, '.beads');
  mkdirSync(beadsDir);
});
afterEach(() => temp[Symbol.dispose]());

async function finding(wanted: string) {
  const env = { HOME: temp.path, PATH: process.env['PATH'] ?? '' };
  const found = await checkWorkspace(beadsDir, { env, nowMs: 0, sync: undefined });
  return found.find(({ name }) => name === wanted);
}

test('a project directory that git would take for a bare repository is told of, and not used', async () => {
  execFileSync(REAL_GIT, ['init', '-q', '--bare', temp.path]);
  expect(await finding('Repository')).toMatchObject({
    status: 'warning',
    message: `${temp.path} looks like a bare repository, whose settings could run programs`,
  });
});

test('stores that were put aside are named', async () => {
  expect((await finding('Kept aside'))?.message).toBe('nothing');
  const aside = asidePath(join(beadsDir, 'beads.db'), 1700);
  for (const name of [aside, `${aside}-wal`]) writeFileSync(name, '');
  expect(await finding('Kept aside')).toMatchObject({
    status: 'ok',
    message: 'stores that could not be used: beads.db-aside-1700',
  });
});
