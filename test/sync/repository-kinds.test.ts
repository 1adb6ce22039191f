import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fingerprint } from '../support/fingerprint.ts';
import { createSharedRemote, initInProcess } from '../support/in-process-clone.ts';
import {
  createWorldTemplate,
  endure,
  type Situation,
  type World,
  type WorldTemplate,
} from './situation.ts';
import { createSandbox } from '../support/sandbox.ts';

let template: WorldTemplate;
beforeAll(async () => {
  template = await createWorldTemplate();
});
afterAll(() => template[Symbol.dispose]());

/** A clone that joins the project; by URL, as a path alone would be linked to instead of fetched. */
const clonedWith =
  (...flags: string[]) =>
  async (world: World): Promise<string> => {
    const directory = join(world.root, 'another');
    const url = `file://${world.remote}`;
    world.sandbox.git(world.root, 'clone', '--quiet', ...flags, url, directory);
    return await joined(world, directory);
  };

async function joined({ sandbox }: World, directory: string): Promise<string> {
  await using clone = await initInProcess(sandbox, directory);
  expect(await clone.sync()).toMatchObject({ state: 'ok', pending: 0 });
  return directory;
}

const gitIn =
  (world: World, directory: string) =>
  (...args: string[]): string =>
    world.sandbox.git(directory, ...args);

const KINDS: Record<string, Situation> = {
  'a shallow clone': {
    arrange: clonedWith('--depth=1', '--no-single-branch'),
    proceed(world, directory) {
      gitIn(world, directory)('fetch', '--quiet', '--unshallow');
    },
  },
  'a shallow clone of one branch, as CI makes it': {
    arrange: clonedWith('--depth=1', '--branch=main'),
    proceed(world, directory) {
      expect(gitIn(world, directory)('rev-parse', '--is-shallow-repository')).toBe('true');
    },
  },
  'a clone of one branch': {
    arrange: clonedWith('--single-branch'),
    proceed(world, directory) {
      gitIn(world, directory)('fetch', '--quiet');
      expect(gitIn(world, directory)('branch', '--remotes')).not.toContain('beads-sync');
    },
  },
  'a partial clone': {
    arrange(world) {
      world.sandbox.git(world.remote, 'config', 'uploadpack.allowFilter', 'true');
      return clonedWith('--filter=blob:none')(world);
    },
    proceed(world, directory) {
      expect(gitIn(world, directory)('config', 'remote.origin.partialclonefilter')).toBe(
        'blob:none',
      );
    },
  },
  'a clone that borrows its objects': {
    arrange: async (world) => clonedWith(`--reference=${world.mia}`)(world),
  },
  'a sparse checkout': {
    arrange: ({ git }) => void git('sparse-checkout', 'set', 'nothing'),
    proceed({ git }) {
      expect(git('ls-files', '-t', 'src')).toBe('S src/main.c');
      git('sparse-checkout', 'disable');
      expect(git('status', '--porcelain')).toBe('');
    },
  },
  'a repository with linked worktrees': {
    arrange({ git, root }) {
      git('worktree', 'add', '--quiet', '-b', 'tree', join(root, 'tree'));
      writeFileSync(join(root, 'tree/README'), 'dirty\n');
    },
    neighbours: ({ root }) => [join(root, 'tree')],
    proceed: ({ git, root }) => void git('worktree', 'remove', '--force', join(root, 'tree')),
  },
  'a linked worktree of a bare repository': {
    arrange(world) {
      const { sandbox, root, remote } = world;
      const project = join(root, 'project');
      mkdirSync(project);
      sandbox.git(project, 'clone', '--quiet', '--bare', remote, '.bare');
      writeFileSync(join(project, '.git'), 'gitdir: ./.bare\n');
      sandbox.git(project, 'worktree', 'add', '--quiet', 'main');
      return joined(world, join(project, 'main'));
    },
  },
  'a submodule': {
    arrange(world) {
      const outer = join(world.root, 'outer');
      const git = gitIn(world, outer);
      world.sandbox.git(world.root, 'init', '--quiet', '-b', 'main', outer);
      git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', world.remote, 'inner');
      git('commit', '--quiet', '-m', 'with a submodule');
      return joined(world, join(outer, 'inner'));
    },
    neighbours: ({ root }) => [join(root, 'outer')],
    proceed(world) {
      expect(gitIn(world, join(world.root, 'outer'))('status', '--porcelain')).toBe('');
    },
  },
  'a repository with another one in it': {
    arrange(world) {
      const inner = join(world.mia, 'vendor');
      world.sandbox.git(world.mia, 'init', '--quiet', '-b', 'main', inner);
      gitIn(world, inner)('commit', '--quiet', '--allow-empty', '-m', 'inner');
    },
    neighbours: ({ mia }) => [join(mia, 'vendor')],
  },
  'a repository in another one': {
    arrange(world) {
      const { sandbox, mia, remote } = world;
      const inner = join(mia, 'inner');
      sandbox.git(mia, 'clone', '--quiet', remote, inner);
      return joined(world, inner);
    },
    neighbours: ({ mia }) => [mia],
  },
};

test.each(Object.entries(KINDS))('%s', async (name, kind) => {
  await endure(template.open(name.replaceAll(/\W+/g, '-')), kind);
});

/** Reftables came with git 2.45. */
const FORMATS = [
  { kind: 'SHA-256 objects', flag: '--object-format=sha256' },
  { kind: 'refs in a table', flag: '--ref-format=reftable' },
];

test.for(FORMATS)('a repository with $kind', async ({ flag }, { skip }) => {
  const sandbox = createSandbox();
  try {
    const probe = join(sandbox.directory, 'probe');
    try {
      sandbox.git(sandbox.directory, 'init', '--quiet', flag, probe);
    } catch {
      skip(`this git knows no ${flag}: ${sandbox.git(sandbox.directory, '--version')}`);
    }
    const remote = createSharedRemote(sandbox, { flags: [flag] });
    const [mia, lee] = ['mia', 'lee'].map((name) => join(sandbox.directory, name)) as [
      string,
      string,
    ];
    for (const directory of [mia, lee]) {
      const refs = flag.includes('ref-format') ? [flag] : [];
      sandbox.git(sandbox.directory, 'clone', '--quiet', ...refs, remote, directory);
    }
    await using here = await initInProcess(sandbox, mia);
    await using there = await initInProcess(sandbox, lee, { name: 'lee' });
    const before = fingerprint(mia);
    const { issue_id: id } = await here.call('create_issue', { issue: { title: 'Shared' } });
    expect(await here.sync()).toMatchObject({ state: 'ok', pending: 0 });
    expect(fingerprint(mia)).toEqual(before);
    await there.sync();
    await there.call('close_issue', { issue_id: id });
    expect(await there.sync()).toMatchObject({ state: 'ok', pending: 0 });
    await here.sync();
    expect(await here.call('get_issue', { issue_id: id })).toMatchObject({
      issue: { status: 'closed' },
    });
  } finally {
    sandbox[Symbol.dispose]();
  }
});
