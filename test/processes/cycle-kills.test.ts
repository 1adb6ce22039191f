import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CycleStep } from '../../src/sync/cycle.ts';
import { buildFaultyBd, runFaulty } from '../support/faulty-process.ts';
import { fingerprint } from '../support/fingerprint.ts';
import { initInProcess, type InProcessClone } from '../support/in-process-clone.ts';
import { createTempDirectory } from '../support/temp-directory.ts';
import { createTestWorkspace, type TestWorkspace } from '../support/test-workspace.ts';

const ALONE = { BEADS_NO_DAEMON: '1' };

const build = createTempDirectory();
let program: string;
let world: TestWorkspace;
let lee: InProcessClone;

beforeAll(async () => {
  program = await buildFaultyBd(build.path);
  world = await createTestWorkspace({ git: 'with-remote', clones: 2, client: 'here' });
  await world.bdText(['init', '--prefix', 't'], { env: ALONE });
  await world.bdText(['sync'], { env: ALONE });
  lee = await initInProcess(world.sandbox, world.clones[1]?.directory ?? '', { name: 'lee' });
  // Everything has been there once that such an exchange makes.
  await lee.call('create_issue', { issue: { title: 'The first' } });
  await lee.sync();
  await world.bdText(['q', 'The second'], { env: ALONE });
  await world.bdText(['sync'], { env: ALONE });
});

afterAll(async () => {
  await lee[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  build[Symbol.dispose]();
});

const commits = (): number =>
  Number(world.git('--git-dir', world.remote, 'rev-list', '--count', 'beads-sync'));

const refs = (): string =>
  [world.remote, world.directory, lee.directory]
    .map((at) => world.git('-C', at, 'for-each-ref', 'refs/heads', 'refs/bd/sync'))
    .join('\n');

const mirror = (beadsDir: string): string => readFileSync(join(beadsDir, 'beads.jsonl'), 'utf8');

/** All in `.beads`, and all in `.git` but objects: a loose one that was not finished is git's upkeep's. */
function filesHere(): string[] {
  const below = (at: string): string[] => readdirSync(at, { recursive: true, encoding: 'utf8' });
  const inGit = below(join(world.directory, '.git')).filter(
    (path) => !/^objects\/(?:[0-9a-f]{2}(?:\/|$)|pack\/pack-[0-9a-f]+\.(?:pack|idx)$)/.test(path),
  );
  return [...below(world.beadsDir), ...inGit].sort();
}

const DEATHS: readonly { at: CycleStep; after?: number; staysOn?: boolean }[] = [
  // Before anything is fetched.
  { at: 'mirror written' },
  { at: 'fetched' },
  { at: 'taken in' },
  { at: 'objects written' },
  { at: 'committed' },
  { at: 'pushed' },
  { at: 'noted' },
  // Now it shows what was fetched.
  { at: 'mirror written', after: 1 },
  { at: 'packed', staysOn: true },
];

test.each(DEATHS)(
  'killed when $at, bd shares everything once and leaves nothing behind',
  async ({ at, after = 0, staysOn = false }) => {
    const name = `${at} ${after}`;
    const create = ['create', `Mine, ${name}`, '--json'];
    await lee.call('create_issue', { issue: { title: `Theirs, ${name}` } });
    await lee.sync();
    const before = {
      commits: commits(),
      files: filesHere(),
      fingerprint: fingerprint(world.directory),
    };

    const run = { beadsDir: world.beadsDir, at, after, fault: 'die' as const, staysOn };
    const commands = staysOn ? [create] : [create, ['sync']];
    const end = await runFaulty(program, { ...run, commands }, { env: world.env });
    expect(end).toMatchObject({ signal: 'SIGKILL', answers: [{ exitCode: 0 }] });

    await world.bdText(['sync'], { env: ALONE });
    await lee.sync();
    expect(commits() - before.commits).toBe(1);
    expect(mirror(lee.beadsDir)).toBe(mirror(world.beadsDir));
    const lines = mirror(world.beadsDir).split('\n');
    for (const title of [`Mine, ${name}`, `Theirs, ${name}`]) {
      expect(lines.filter((line) => line.includes(JSON.stringify(title)))).toHaveLength(1);
    }
    const settled = refs();
    await world.bdText(['sync'], { env: ALONE });
    await lee.sync();
    expect(refs()).toBe(settled);
    expect(filesHere()).toEqual(before.files);
    expect(fingerprint(world.directory)).toEqual(before.fingerprint);
    for (const place of [world.directory, world.remote]) {
      expect(world.git('-C', place, 'fsck', '--strict', '--no-dangling', '--no-progress')).toBe('');
    }
  },
);
