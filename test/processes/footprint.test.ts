import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { fingerprint } from '../support/fingerprint.ts';
import { createPerson } from '../support/person.ts';
import { createRandom } from '../support/random.ts';
import { BD, createTestWorkspace, type TestProject } from '../support/test-workspace.ts';

const ACTS = 12;

/** The daemon has shared everything, and rests. */
async function settled(at: TestProject): Promise<void> {
  await eventually(async () => {
    const { sync } = await at.bdJson<{ sync: { pending: number; state: string } }>(['status']);
    return sync.pending === 0 && sync.state === 'ok';
  });
}

test('a daemon that shares each change leaves no trace in what the person does with git', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  const { directory } = world;
  const git = (...args: string[]): string => world.git(...args);
  mkdirSync(join(directory, 'src'));
  writeFileSync(join(directory, 'README'), 'one\n');
  writeFileSync(join(directory, 'src/main.c'), 'int main;\n');
  git('add', '.');
  git('commit', '-qm', 'files');
  await world.bdText(['init', '--prefix', 't']);
  await settled(world);
  const random = createRandom(5);
  const person = createPerson({ directory, git, random });
  const ids: string[] = [];
  for (let at = 0; at < ACTS; at++) {
    const act = person.act();
    const before = fingerprint(directory);
    if (ids.length < 3) ids.push((await world.bdText(['q', `Made after ${act}`])).trim());
    else await world.bdText(['update', random.pick(ids), '--notes', `After ${act}`]);
    await settled(world);
    expect(fingerprint(directory), act).toEqual(before);
  }
}, 120_000);

test('a hook that calls bd, from the first call on, is served, and the commit is the person’s own', async () => {
  await using world = await createTestWorkspace({ git: 'with-remote', client: 'here' });
  const { directory } = world;
  const git = (...args: string[]): string => world.git(...args);
  await world.bdText(['init', '--prefix', 't']);
  await settled(world);
  await world.bdText(['daemon', 'stop']);
  for (const name of ['pre-commit', 'post-commit']) {
    const path = join(directory, '.git/hooks', name);
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${BD}' q 'Made by ${name}' >&2\n`);
    chmodSync(path, 0o755);
  }
  writeFileSync(join(directory, 'staged'), '');
  writeFileSync(join(directory, 'untracked'), '');
  git('add', 'staged');
  // With a file named, git hands hooks an index of its own.
  git('commit', '-qm', 'with hooks', '--', 'staged');
  await settled(world);
  expect(git('show', '--format=', '--name-only', 'HEAD')).toBe('staged');
  expect(git('status', '--porcelain')).toBe('?? untracked');
  const listed = await world.bdJson<{ title: string }[]>(['list']);
  expect(listed.map(({ title }) => title).sort()).toEqual([
    'Made by post-commit',
    'Made by pre-commit',
  ]);
  const shared = git('--git-dir', world.remote, 'show', 'beads-sync:.beads/issues.jsonl');
  expect(shared.split('\n')).toHaveLength(2);
}, 120_000);
