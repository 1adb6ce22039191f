import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fingerprint } from '../support/fingerprint.ts';
import { openInProcess } from '../support/in-process-clone.ts';
import { createWorldTemplate, type WorldTemplate } from './situation.ts';

let template: WorldTemplate;
beforeAll(async () => {
  template = await createWorldTemplate();
});
afterAll(() => template[Symbol.dispose]());

/** Settings with which a careless push sends more than it was told to. */
const SETTINGS: Record<string, readonly (readonly [key: string, value: string])[]> = {
  'push.default is matching': [['push.default', 'matching']],
  'push.default is current': [['push.default', 'current']],
  'tags follow': [['push.followTags', 'true']],
  'the remote is a mirror': [['remote.origin.mirror', 'true']],
  'everything is pushed by force': [['remote.origin.push', '+refs/*:refs/*']],
  'branches and tags are pushed': [
    ['remote.origin.push', 'refs/heads/*:refs/heads/*'],
    ['remote.origin.push', 'refs/tags/*:refs/tags/*'],
  ],
  'the branch is pushed by name': [
    ['remote.pushDefault', 'origin'],
    ['branch.main.pushRemote', 'origin'],
    ['branch.main.merge', 'refs/heads/main'],
    ['push.autoSetupRemote', 'true'],
  ],
  'submodules are pushed too': [['push.recurseSubmodules', 'on-demand']],
};

test.each([
  ...Object.entries(SETTINGS),
  // One after the other, what they add may add up.
  ['all of that', Object.values(SETTINGS).flat()] as const,
])('a commit that the person did not push stays here: %s', async (name, settings) => {
  const { git, mia, remote, sandbox } = template.open(name.replaceAll(/\W+/g, '-'));
  for (const [key, value] of settings) git('config', '--add', key, value);
  appendFileSync(join(mia, 'README'), 'secret\n');
  git('commit', '--quiet', '-am', 'secret');
  git('tag', '-a', '-m', 'secret', 'v-secret');
  git('branch', 'secret');
  git('notes', 'add', '-m', 'secret');
  appendFileSync(join(mia, 'README'), 'stashed\n');
  git('stash', '--quiet');
  const ofRemote = (...args: string[]): string => sandbox.git(remote, ...args);
  const others = (): string[] =>
    ofRemote('for-each-ref')
      .split('\n')
      .filter((line) => !line.endsWith('refs/heads/beads-sync'));
  const before = { remote: others(), mia: fingerprint(mia) };

  await using clone = await openInProcess(sandbox, mia);
  for (const title of ['one', 'two']) {
    await clone.call('create_issue', { issue: { title } });
    expect(await clone.sync()).toMatchObject({ state: 'ok', pending: 0 });
  }

  expect({ remote: others(), mia: fingerprint(mia) }).toEqual(before);
  for (const secret of ['secret', 'v-secret', 'stash@{0}', 'refs/notes/commits']) {
    const oid = git('rev-parse', secret);
    expect(() => ofRemote('cat-file', '-e', oid), secret).toThrow();
  }
  expect(ofRemote('show', 'beads-sync:.beads/issues.jsonl').split('\n')).toHaveLength(2);
});
