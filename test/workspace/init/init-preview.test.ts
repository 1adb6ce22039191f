import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/platform/clock.ts';
import { silentLog } from '../../../src/platform/log.ts';
import { initialise, type InitOptions } from '../../../src/workspace/init/initialise.ts';
import { completeClone } from '../../../src/workspace/init/present-workspace.ts';
import { printDirectory } from '../../support/directory-print.ts';
import { useSandbox } from '../../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;
let world: string;
let remote: string;
let env: Record<string, string>;

beforeEach(() => {
  world = at('world');
  remote = join(world, 'remote.git');
  mkdirSync(world);
  mkdirSync(at('tmp'));
  vi.stubEnv('TMPDIR', at('tmp'));
  env = { ...sandbox.env, USER: 'mia' };
  git(world, 'init', '-q', '--bare', '-b', 'main', remote);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

function clone(name: string, ...args: string[]): string {
  const directory = join(world, name);
  git(world, 'clone', '-q', ...args, `file://${remote}`, directory);
  git(directory, 'config', 'user.name', name);
  git(directory, 'config', 'user.email', `${name}@example.com`);
  return directory;
}

type Choice = Partial<Pick<InitOptions, 'prefix' | 'isLocal' | 'mode' | 'skipsMergeDriver'>>;

function optionsFor(directory: string, choice: Choice = {}): InitOptions {
  return { directory, env, clock: systemClock, log: silentLog, isLocal: false, ...choice };
}

/** A clone whose project the remote holds, in a branch that it was not asked for yet. */
async function cloneOfShared(...args: string[]): Promise<string> {
  const first = clone('first');
  git(first, 'commit', '-q', '--allow-empty', '-m', 'Begin');
  git(first, 'push', '-q', 'origin', 'HEAD:main');
  await initialise(optionsFor(first, { prefix: 'kite' }));
  return clone('second', ...args);
}

function addClassic(directory: string): void {
  mkdirSync(join(directory, '.beads'));
  writeFileSync(join(directory, '.beads/issues.jsonl'), '{"id":"bd-1","title":"Old"}\n');
}

const PLACES: Record<string, () => string | Promise<string>> = {
  'a directory without git': () => {
    const directory = join(world, 'plain');
    mkdirSync(directory);
    return directory;
  },
  'a clone of an empty remote': () => clone('mia'),
  'a clone that has the branch': () => cloneOfShared(),
  'a clone of one branch only': () => cloneOfShared('--single-branch', '-b', 'main'),
  'a remote that cannot be reached': () => {
    const directory = clone('mia');
    git(directory, 'remote', 'set-url', 'origin', join(world, 'nowhere.git'));
    return directory;
  },
  'a linked worktree': () => {
    const main = clone('mia');
    git(main, 'commit', '-q', '--allow-empty', '-m', 'Begin');
    git(main, 'worktree', 'add', '-q', join(world, 'linked'));
    return join(world, 'linked');
  },
  'an exclude file without its last line end': () => {
    const directory = clone('mia');
    writeFileSync(join(directory, '.git/info/exclude'), 'mine');
    return directory;
  },
  'files of the classic tool': () => {
    const directory = clone('mia');
    addClassic(directory);
    return directory;
  },
  'files of the classic tool that git tracks': () => {
    const directory = clone('mia');
    addClassic(directory);
    git(directory, 'add', '.');
    git(directory, 'commit', '-qm', 'Issues');
    return directory;
  },
  'another merge driver': () => {
    const directory = clone('mia');
    git(directory, 'config', 'merge.beads.driver', 'other %A');
    return directory;
  },
};

const EVERY: readonly Choice[] = [
  { prefix: 'mine' },
  { isLocal: true, prefix: 'mine' },
  { mode: 'worktree' },
  { mode: 'worktree', skipsMergeDriver: true },
  { mode: 'checked-out' },
];

const CASES = Object.keys(PLACES).flatMap((name) =>
  [{}, ...(/branch|worktree|tracks/.test(name) ? EVERY : [])].map((choice) => ({ name, choice })),
);

test.each(CASES)(
  '$name, $choice: a dry run tells what init then does, and touches nothing',
  async ({ name, choice }) => {
    const options = optionsFor(await PLACES[name]!(), choice);
    const before = printDirectory(world);
    const preview = await initialise({ ...options, isDryRun: true });
    expect(printDirectory(world)).toEqual(before);
    expect(readdirSync(at('tmp'))).toEqual([]);
    const { issue_count: _, warning: _none, ...told } = await initialise(options);
    expect(preview).toEqual({ dry_run: true, ...told });
    expect(printDirectory(world)).not.toEqual(before);
  },
);

test('what init refuses, its dry run refuses', async () => {
  const directory = clone('mia');
  await initialise(optionsFor(directory));
  const before = printDirectory(world);
  await expect(initialise({ ...optionsFor(directory), isDryRun: true })).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  expect(printDirectory(world)).toEqual(before);
});

test('a fresh clone that lacks what clones do not bring is told what it would get', async () => {
  const directory = clone('mia');
  await initialise(optionsFor(directory, { mode: 'worktree', prefix: 'kite' }));
  git(directory, 'config', '--unset', 'merge.beads.driver');
  const before = printDirectory(world);
  const preview = await completeClone({ directory, env, prefix: 'other', isDryRun: true });
  expect(printDirectory(world)).toEqual(before);
  const done = await completeClone({ directory, env, prefix: 'other' });
  const { warning: _none, ...told } = done ?? {};
  expect(preview).toEqual({ dry_run: true, ...told });
  expect(await completeClone({ directory, env, isDryRun: true })).toBeUndefined();
});

test('with --local no remote is asked, neither by init nor by its dry run', async () => {
  const directory = clone('mia');
  const seen = at('seen');
  const spy = at('ssh');
  writeFileSync(spy, `#!/bin/sh\necho asked >> '${seen}'\nexit 1\n`, { mode: 0o755 });
  git(directory, 'remote', 'set-url', 'origin', 'ssh://nobody@nowhere.invalid/x.git');
  git(directory, 'config', 'core.sshCommand', spy);
  git(directory, 'config', 'protocol.ssh.allow', 'always');
  await initialise({ ...optionsFor(directory, { isLocal: true }), isDryRun: true });
  expect(readdirSync(sandbox.directory)).not.toContain('seen');
  await initialise({ ...optionsFor(directory), isDryRun: true });
  expect(readFileSync(seen, 'utf8')).toBe('asked\n');
  await initialise(optionsFor(directory, { isLocal: true }));
  expect(readFileSync(seen, 'utf8')).toBe('asked\n');
});
