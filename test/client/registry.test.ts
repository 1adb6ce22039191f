import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRegistry, register, registryPath, unregister } from '../../src/client/registry.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let path: string | undefined;

beforeEach(() => {
  temp = createTempDirectory();
  path = registryPath({ HOME: temp.path });
});
afterEach(() => temp[Symbol.dispose]());

function entry(name: string, pid = 1) {
  const workspace = join(temp.path, name);
  mkdirSync(join(workspace, '.beads'), { recursive: true });
  return {
    workspace_path: workspace,
    socket_path: join(workspace, '.beads/bd.sock'),
    database_path: join(workspace, '.beads/beads.db'),
    pid,
    version: '1.1.0',
    started_at: '2026-01-02T03:04:05.000Z',
  };
}

test('the file has the classic form', async () => {
  await register(path, entry('a'));
  const text = readFileSync(join(temp.path, '.beads/registry.json'), 'utf8');
  expect(text).toBe(`${JSON.stringify([entry('a')], null, 2)}\n`);
});

test('twenty daemons that start at once are all in it', async () => {
  const entries = Array.from({ length: 20 }, (_, index) => entry(`w${index}`, index + 1));
  expect(await Promise.all(entries.map((each) => register(path, each)))).toEqual(
    entries.map(() => undefined),
  );
  const found = await readRegistry(path);
  expect(found.map(({ pid }) => pid).sort((a, b) => a - b)).toEqual(entries.map(({ pid }) => pid));
});

test('a workspace has one entry, and a gone workspace none', async () => {
  await register(path, entry('a', 1));
  await register(path, { ...entry('b', 2), socket_path: join(temp.path, 'gone/.beads/bd.sock') });
  await register(path, entry('a', 3));
  expect(await readRegistry(path)).toEqual([entry('a', 3)]);
});

test('a daemon that ends takes its own entry away and leaves its successor’s', async () => {
  await register(path, entry('a', 2));
  await unregister(path, entry('a', 1));
  expect(await readRegistry(path)).toEqual([entry('a', 2)]);
  await unregister(path, entry('a', 2));
  expect(await readRegistry(path)).toEqual([]);
});

test.each(['', '{', '{"a":1}', '[1,{"pid":"x"}]', 'null'])(
  'a broken registry %j counts as empty and is written anew',
  async (text) => {
    mkdirSync(join(temp.path, '.beads'));
    writeFileSync(path ?? '', text);
    expect(await readRegistry(path)).toEqual([]);
    expect(await register(path, entry('a'))).toBeUndefined();
    expect(await readRegistry(path)).toEqual([entry('a')]);
  },
);

test('one that another process keeps for long is left as it is', async () => {
  await register(path, entry('a'));
  const lock = join(temp.path, '.beads/registry.lock');
  mkdirSync(lock);
  expect(await unregister(path, entry('a'))).toBe(`another process holds ${lock}`);
  expect(await readRegistry(path)).toEqual([entry('a')]);
});

test('one that cannot be written is a reason, not an exception', async () => {
  writeFileSync(join(temp.path, '.beads'), 'a file where the directory should be');
  expect(await register(path, entry('a'))).toMatch(/\w+/);
  expect(await register(undefined, entry('a'))).toMatch(/home/);
});
