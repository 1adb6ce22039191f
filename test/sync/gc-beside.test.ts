import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CycleStep } from '../../src/sync/cycle.ts';
import {
  createSharedRemote,
  initInProcess,
  type InProcessClone,
} from '../support/in-process-clone.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let clone: InProcessClone;
/** What happens at a step, once. */
let event: { step: CycleStep; happen: () => void | Promise<void> } | undefined;

beforeEach(() => {
  event = undefined;
});
afterEach(async () => {
  await clone[Symbol.asyncDispose]();
});

async function openClone(remote?: string, ...init: string[]): Promise<string> {
  const directory = join(sandbox.directory, 'mia');
  mkdirSync(directory);
  sandbox.git(directory, 'init', '--quiet', '-b', 'main', ...init);
  sandbox.git(directory, 'commit', '--quiet', '--allow-empty', '-m', 'start');
  if (remote !== undefined) sandbox.git(directory, 'remote', 'add', 'origin', remote);
  clone = await initInProcess(sandbox, directory, {
    reached(step) {
      if (step !== event?.step) return;
      const { happen } = event;
      event = undefined;
      return happen();
    },
  });
  return directory;
}

const gc = (): void => void clone.git('gc', '--quiet', '--prune=now');

async function create(title: string): Promise<void> {
  await clone.call('create_issue', { issue: { title } });
}

/** The lines that a commit shows, by their titles; git would say so if it lacked them. */
function titlesAt(place: string, tip: string): string[] {
  const lines = sandbox.git(place, 'show', `${tip}:.beads/issues.jsonl`).split('\n');
  return lines.map((line) => (JSON.parse(line) as { title: string }).title).sort();
}

/** Git finds everything that a ref leads to, and what a person may run runs. */
function expectSound(place: string): void {
  const checked = sandbox.git(place, 'fsck', '--strict', '--no-dangling', '--no-progress');
  expect(checked).toBe('');
  sandbox.git(place, 'gc', '--quiet', '--prune=now');
}

describe('a gc that removes the objects of a commit before a ref leads there', () => {
  test.each([
    ['in a plain repository', []],
    ['in one that several people share, where git writes the objects', ['--shared=group']],
  ])('breaks no commit that is pushed: %s', async (_where, init) => {
    const remote = createSharedRemote(sandbox);
    const directory = await openClone(remote, ...init);
    const count = (): number => Number(sandbox.git(remote, 'rev-list', '--count', 'beads-sync'));
    const before = count();
    for (const title of ['One', 'Two']) {
      await create(title);
      event = { step: 'objects written', happen: gc };
      expect(await clone.sync()).toMatchObject({ state: 'ok', pending: 0, error: null });
      expect(event).toBeUndefined();
    }
    expect(titlesAt(remote, 'beads-sync')).toEqual(['One', 'Two']);
    expect(count() - before).toBe(2);
    for (const place of [directory, remote]) expectSound(place);
  });

  test('breaks no commit where there is no remote, nor those that are built on it', async () => {
    const directory = await openClone();
    for (const [at, title] of ['One', 'Two', 'Three'].entries()) {
      await create(title);
      if (at < 2) event = { step: 'objects written', happen: gc };
      expect(await clone.sync()).toMatchObject({ state: 'no_remote', pending: 0, error: null });
      expect(event).toBeUndefined();
      expectSound(directory);
    }
    expect(titlesAt(directory, 'refs/bd/sync')).toEqual(['One', 'Three', 'Two']);
    expect(clone.git('rev-list', '--count', 'refs/bd/sync')).toBe('3');
  });

  test('breaks no commit that cannot be pushed yet', async () => {
    const directory = await openClone(join(sandbox.directory, 'nowhere.git'));
    await create('One');
    event = { step: 'objects written', happen: gc };
    expect(await clone.sync()).toMatchObject({ state: 'offline', pending: 1 });
    await clone.sync();
    expect(titlesAt(directory, 'refs/bd/sync')).toEqual(['One']);
    expectSound(directory);
  });
});

describe('a commit without remote that a gc broke while bd died', () => {
  test.each([
    ['its issues', 'refs/bd/sync:.beads/issues.jsonl'],
    ['its README', 'refs/bd/sync:README.md'],
    ['its tree', 'refs/bd/sync^{tree}'],
    ['itself', 'refs/bd/sync'],
  ])('is not built upon: without %s', async (_what, name) => {
    const directory = await openClone();
    await create('One');
    const death = new Promise<void>((died) => {
      event = { step: 'committed', happen: () => (died(), new Promise<void>(() => {})) };
    });
    await Promise.race([clone.sync(), death]);
    await clone.crash();
    const oid = clone.git('rev-parse', name);
    rmSync(join(directory, '.git/objects', oid.slice(0, 2), oid.slice(2)));
    await create('Two');
    expect(await clone.sync()).toMatchObject({ state: 'no_remote', pending: 0, error: null });
    expect(titlesAt(directory, 'refs/bd/sync')).toEqual(['One', 'Two']);
    expectSound(directory);
    expect(readFileSync(clone.workspace.mirrorPath, 'utf8').trim()).toBe(
      clone.git('show', 'refs/bd/sync:.beads/issues.jsonl'),
    );
  });
});
