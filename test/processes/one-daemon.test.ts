import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { callAtOnce } from '../support/at-once.ts';
import { daemonsOf } from '../support/daemon-processes.ts';
import { eventually } from '../support/eventually.ts';
import { copyBuild } from '../support/other-build.ts';
import {
  BD,
  createTestWorkspace,
  type Run,
  type TestWorkspace,
} from '../support/test-workspace.ts';

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = await createTestWorkspace({ git: 'none', client: 'here' });
});
afterEach(() => workspace[Symbol.asyncDispose]());

/** Creates so many issues at once, by the programs in turn; returns what each run said. */
async function createAtOnce(
  count: number,
  { programs, name }: { programs: readonly string[]; name: string },
): Promise<Run[]> {
  return await callAtOnce(
    Array.from({ length: count }, (_, index) => {
      const program = programs[index % programs.length] ?? BD;
      return () => workspace.bd(['q', `${name} ${index}`], { program });
    }),
  );
}

async function titles(): Promise<string[]> {
  const issues = await workspace.bdJson<{ title: string }[]>(['list', '--all', '--limit', '0']);
  return issues.map(({ title }) => title).sort();
}

const named = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name} ${index}`);

const ALL_DONE = { exitCode: 0, stderr: '' };

/** `FIRST_CALLS=100` makes more of them; each costs a process. */
const CALLS = Number(process.env['FIRST_CALLS'] ?? 40);

test.each([
  { copies: 'one program', calls: CALLS, install: () => [BD] },
  {
    copies: 'two copies of the program',
    calls: 16,
    install: () => [BD, copyBuild(join(workspace.root, 'installed'))],
  },
])(
  'of $copies, $calls first calls at once start one daemon, and losing its files leaves one',
  async ({ install, calls }) => {
    const programs = install();
    await workspace.bdText(['init', '--prefix', 't']);
    const first = await createAtOnce(calls, { programs, name: 'First' });
    for (const { exitCode, stderr } of first) expect({ exitCode, stderr }).toEqual(ALL_DONE);
    expect(await titles()).toEqual(named('First', calls).sort());
    await eventually(() => daemonsOf(workspace).length === 1, { what: 'one daemon' });

    for (const name of ['daemon.lock', 'bd.sock', 'daemon.pid'])
      rmSync(join(workspace.beadsDir, name));
    const second = await createAtOnce(10, { programs, name: 'Second' });
    for (const { exitCode, stderr } of second) expect({ exitCode, stderr }).toEqual(ALL_DONE);
    await eventually(() => daemonsOf(workspace).length === 1, {
      what: 'one daemon',
      deadlineMs: 5_000,
    });
    expect(await titles()).toEqual([...named('First', calls), ...named('Second', 10)].sort());
  },
  120_000,
);
