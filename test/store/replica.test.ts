import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { openStore } from '../../src/store/store.ts';
import { createTempDirectory } from '../support/temp-directory.ts';

let temp: ReturnType<typeof createTempDirectory>;

beforeEach(() => {
  temp = createTempDirectory();
});
afterEach(() => temp[Symbol.dispose]());

function replicaAt(path: string): string {
  const store = openStore(path, { clock: systemClock });
  const id = store.replica.id();
  store.close();
  return id;
}

test('a database keeps its name, and another has a different one', () => {
  const path = join(temp.path, 'beads.db');
  expect(replicaAt(path)).toMatch(/^[0-9a-z]{6}$/);
  expect(replicaAt(path)).toBe(replicaAt(path));
  expect(replicaAt(join(temp.path, 'other.db'))).not.toBe(replicaAt(path));
});

test.each([
  ['a copy elsewhere', (path: string) => copyTo(path, join(temp.path, 'copy', 'beads.db'))],
  ['a restored backup', (path: string) => restore(path)],
])('%s writes under a new name', (_what, copy) => {
  const path = join(temp.path, 'beads.db');
  const original = replicaAt(path);
  const copied = copy(path);
  expect(replicaAt(copied)).not.toBe(original);
  expect(replicaAt(copied)).toBe(replicaAt(copied));
});

function copyTo(from: string, to: string): string {
  mkdirSync(join(to, '..'));
  copyFileSync(from, to);
  return to;
}

/** As most tools do: the file is a new one under the old name. */
function restore(path: string): string {
  copyFileSync(path, `${path}.backup`);
  renameSync(`${path}.backup`, path);
  return path;
}
