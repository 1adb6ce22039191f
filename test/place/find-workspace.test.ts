import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findWorkspace, type Search } from '../../src/place/find-workspace.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
beforeEach(() => (temp = createTempDirectory()));
afterEach(() => temp[Symbol.dispose]());

const at = (...names: string[]): string => join(temp.path, ...names);

function makeWorkspace(...names: string[]): string {
  const beadsDir = at(...names, '.beads');
  mkdirSync(beadsDir, { recursive: true });
  writeFileSync(join(beadsDir, 'metadata.json'), '{}');
  return beadsDir;
}

const find = (cwd: string, search: Partial<Search> = {}) =>
  findWorkspace({ cwd, env: { HOME: at('home') }, ...search });

test('the nearest workspace above counts', () => {
  makeWorkspace('p');
  const inner = makeWorkspace('p', 'inner');
  mkdirSync(at('p', 'inner', 'src', 'deep'), { recursive: true });
  expect(find(at('p', 'inner', 'src', 'deep'))).toMatchObject({
    beadsDir: inner,
    projectDir: at('p', 'inner'),
    redirectedFrom: undefined,
  });
});

test('a .beads directory without a store is none, as the one with the registry', () => {
  const outer = makeWorkspace('p');
  mkdirSync(at('p', 'sub', '.beads'), { recursive: true });
  expect(find(at('p', 'sub'))?.beadsDir).toBe(outer);
});

test('a store without metadata is a workspace, as classic tools make them', () => {
  mkdirSync(at('p', '.beads'), { recursive: true });
  writeFileSync(at('p', '.beads', 'beads.db'), '');
  expect(find(at('p'))?.projectDir).toBe(at('p'));
});

test('the search ends at the home directory', () => {
  makeWorkspace();
  mkdirSync(at('home', 'p'), { recursive: true });
  mkdirSync(at('elsewhere'));
  expect(find(at('home', 'p'))).toBeUndefined();
  expect(find(at('elsewhere'))?.projectDir).toBe(temp.path);
});

test('all ways to a workspace lead to one real path', () => {
  const beadsDir = makeWorkspace('p');
  symlinkSync(at('p'), at('link'));
  expect(find(at('link'))?.beadsDir).toBe(beadsDir);
});

test.each([
  ['the directory', '.beads'],
  ['a file in it', '.beads/beads.db'],
  ['the project', '.'],
])('--db names %s', (_what, path) => {
  const beadsDir = makeWorkspace('p');
  mkdirSync(at('q'));
  expect(find(at('q'), { databaseFlag: join('../p', path) })?.beadsDir).toBe(beadsDir);
  expect(find(at('q'), { env: { BEADS_DB: at('p', path) } })?.beadsDir).toBe(beadsDir);
});

test('the flag comes before BEADS_DB, that before BEADS_DIR, that before the directory', () => {
  const [a, b, c] = [makeWorkspace('a'), makeWorkspace('b'), makeWorkspace('c')];
  makeWorkspace('d');
  const env = { BEADS_DB: join(b, 'beads.db'), BEADS_DIR: c };
  expect(find(at('d'), { env, databaseFlag: a })?.beadsDir).toBe(a);
  expect(find(at('d'), { env })?.beadsDir).toBe(b);
  expect(find(at('d'), { env: { BEADS_DIR: c } })?.beadsDir).toBe(c);
  expect(find(at('d'), { env: { BEADS_DIR: '', BEADS_DB: '' } })?.projectDir).toBe(at('d'));
});

test('a named place that is no workspace is an error with that place, never another workspace', () => {
  makeWorkspace('p');
  for (const search of [{ databaseFlag: '/nowhere/x.db' }, { env: { BEADS_DIR: '/nowhere/x' } }]) {
    expect(() => find(at('p'), search)).toThrow(
      expect.objectContaining({
        code: 'NO_WORKSPACE',
        message: expect.stringMatching(/no beads database found.*\/nowhere\/x/),
      }),
    );
  }
});

test('a redirect counts from the project directory', () => {
  const main = makeWorkspace('main');
  mkdirSync(at('p', '.beads'), { recursive: true });
  writeFileSync(at('p', '.beads', 'redirect'), '../main/.beads\n');
  expect(find(at('p'))).toMatchObject({
    beadsDir: main,
    projectDir: at('main'),
    redirectedFrom: at('p', '.beads'),
  });
});

test('a redirect to nothing is an error that names it', () => {
  mkdirSync(at('p', '.beads'), { recursive: true });
  writeFileSync(at('p', '.beads', 'redirect'), '../gone/.beads');
  expect(() => find(at('p'))).toThrow(/redirect points to .*gone/);
});
