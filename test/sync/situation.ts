import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { SharingState } from '../../src/core/sharing.ts';
import { fingerprint } from '../support/fingerprint.ts';
import {
  createSharedRemote,
  initInProcess,
  openInProcess,
  type InProcessClone,
} from '../support/in-process-clone.ts';
import { createSandbox, type Sandbox } from '../support/sandbox.ts';

/** A remote, and two clones that share a project: mia's, which comes into the situation, and lee's. */
export interface World {
  readonly sandbox: Sandbox;
  /** Of this world alone. */
  readonly root: string;
  readonly remote: string;
  readonly mia: string;
  readonly lee: string;
  /** Git in mia's clone. */
  readonly git: (...args: string[]) => string;
}

export interface Situation {
  /** Brings about the situation; returns the working tree that bd is used in, when it is not mia's. */
  arrange(world: World): string | void | Promise<string | void>;
  /** What a cycle comes to in it; `ok` unless said. */
  state?: SharingState;
  /** How the person goes on, which has to work as if bd were not there. Thereafter all is shared. */
  proceed?(world: World, directory: string): void | Promise<void>;
  /** Working trees and repositories nearby, which have to stay as they are too. */
  neighbours?(world: World): string[];
}

/** Clones that have joined, made once and copied for each situation. */
export interface WorldTemplate extends Disposable {
  open(name: string): World;
}

export async function createWorldTemplate(): Promise<WorldTemplate> {
  const sandbox = createSandbox();
  const template = join(sandbox.directory, 'template');
  const remote = createSharedRemote(sandbox, { name: join('template', 'remote.git') });
  for (const name of ['mia', 'lee']) {
    const directory = join(template, name);
    sandbox.git(sandbox.directory, 'clone', '--quiet', remote, directory);
    await using clone = await initInProcess(sandbox, directory, { name });
    await clone.sync();
  }
  return {
    open(name) {
      const root = join(sandbox.directory, name);
      cpSync(template, root, { recursive: true });
      const [own, mia, lee] = ['remote.git', 'mia', 'lee'].map((part) => join(root, part)) as [
        string,
        string,
        string,
      ];
      for (const clone of [mia, lee]) sandbox.git(clone, 'remote', 'set-url', 'origin', own);
      const git = (...args: string[]): string => sandbox.git(mia, ...args);
      // The copied files are others than those that the index knows.
      git('status');
      return { sandbox, root, remote: own, mia, lee, git };
    },
    [Symbol.dispose]: () => sandbox[Symbol.dispose](),
  };
}

/**
 * In the situation an issue is made and closed and shared, and the user's own is as it was; then the
 * person goes on, and what is done after that is shared too.
 */
export async function endure(world: World, situation: Situation): Promise<void> {
  const { state = 'ok' } = situation;
  const directory = (await situation.arrange(world)) ?? world.mia;
  const places = [directory, ...(situation.neighbours?.(world) ?? [])];
  const looks = () => places.filter(existsSync).map(fingerprint);
  await using clone = await openInProcess(world.sandbox, directory);
  await using lee = await openInProcess(world.sandbox, world.lee, { name: 'lee' });
  const before = looks();

  const id = await create(clone, 'Made in the situation');
  await clone.call('close_issue', { issue_id: id, reason: 'Done' });
  const isDone = state === 'ok' || state === 'no_remote';
  expect(await clone.sync()).toMatchObject({ state, pending: isDone ? 0 : 1 });
  expect(looks()).toEqual(before);
  if (state === 'ok') await expectClosed(lee, id);

  await situation.proceed?.(world, directory);
  const later = await create(clone, 'Made when it was over');
  const after = looks();
  expect(await clone.sync()).toMatchObject({ state: 'ok', pending: 0, error: null });
  expect(looks()).toEqual(after);
  await expectClosed(lee, id);
  expect(await lee.call('get_issue', { issue_id: later })).toBeDefined();
  expect(world.sandbox.git(directory, 'fsck', '--no-dangling')).toBe('');
}

async function create(clone: InProcessClone, title: string): Promise<string> {
  const { issue_id: id } = await clone.call('create_issue', { issue: { title } });
  return id;
}

async function expectClosed(lee: InProcessClone, id: string): Promise<void> {
  await lee.sync();
  const { issue } = await lee.call('get_issue', { issue_id: id });
  expect(issue).toMatchObject({ status: 'closed', close_reason: 'Done' });
}
