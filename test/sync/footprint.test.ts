import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SyncMode } from '../../src/core/sharing.ts';
import { fingerprint } from '../support/fingerprint.ts';
import { createSharedRemote, initInProcess } from '../support/in-process-clone.ts';
import { createPerson } from '../support/person.ts';
import { createRandom } from '../support/random.ts';
import { createWriteModel } from '../support/write-model.ts';
import { useSandbox } from '../support/sandbox.ts';

/** `FOOTPRINT_ACTS=500` for the long run, `FOOTPRINT_SEED` to repeat one. */
const ACTS = Number(process.env['FOOTPRINT_ACTS'] ?? '40');
const SEED = Number(process.env['FOOTPRINT_SEED'] ?? '1');
const TIMEOUT_MS = 60_000 + 5_000 * ACTS;

const sandbox = useSandbox();

test.each<SyncMode>(['branch', 'worktree'])(
  'nothing of the person’s is changed by bd, and nothing they do stops it: mode %s',
  async (mode) => {
    const remote = createSharedRemote(sandbox);
    const directory = join(sandbox.directory, 'mia');
    const git = (...args: string[]): string => sandbox.git(directory, ...args);
    sandbox.git(sandbox.directory, 'clone', '--quiet', remote, directory);
    await using mia = await initInProcess(sandbox, directory, { mode });
    if (mode === 'worktree') {
      git('add', '.beads');
      git('commit', '--quiet', '--amend', '-m', 'start, with issues');
    }
    const random = createRandom(SEED);
    const person = createPerson({ directory, git, random });
    const model = createWriteModel();
    const history: string[] = [];
    const unchanged = async (what: string, work: () => Promise<unknown>): Promise<void> => {
      const before = fingerprint(directory);
      const done = await work();
      history.push(typeof done === 'string' ? done : what);
      expect(fingerprint(directory), history.slice(-5).join('\n')).toEqual(before);
    };

    for (let at = 0; at < ACTS; at++) {
      history.push(`git: ${person.act()}`);
      await unchanged('change', () => model.change(mia.call, random));
      if (random.chance(0.4)) await unchanged('sync', () => mia.sync());
      if (random.chance(0.05)) await unchanged('reopen', () => mia.reopen());
    }
    person.finish();
    await unchanged('sync', async () => {
      expect(await mia.sync()).toMatchObject({ pending: 0 });
    });
    expect(await model.missing(mia.call)).toEqual([]);
    expect(git('fsck', '--no-dangling')).toBe('');
    if (mode === 'branch') {
      const branches = sandbox.git(remote, 'for-each-ref', '--format=%(refname)', 'refs/heads');
      expect(branches.split('\n')).toContain('refs/heads/beads-sync');
    }
  },
  TIMEOUT_MS,
);
