import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createGitRecorder, type GitRecorder } from '../support/git-recorder.ts';
import { createClone, createRemote, cycle, issue, put, type Clone } from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let recorder: GitRecorder;
let a: Clone;
let b: Clone;

beforeEach(() => {
  recorder = createGitRecorder(join(sandbox.directory, 'recorder'));
  sandbox.env['PATH'] = `${recorder.directory}:${sandbox.env['PATH']}`;
  const remote = createRemote(sandbox);
  [a, b] = [createClone(sandbox, 'a', { remote }), createClone(sandbox, 'b', { remote })];
});
afterEach(() => {
  for (const { store } of [a, b]) store.close();
});

/** The git commands that `work` starts. */
async function commandsOf(work: () => Promise<unknown>): Promise<string[]> {
  const before = recorder.calls().length;
  await work();
  const calls = recorder.calls().slice(before);
  return calls.map(({ args }) => args.filter((arg, at) => isCommand(arg, args[at - 1]))[0] ?? '');
}

const isCommand = (arg: string, before: string | undefined): boolean =>
  arg !== '-c' && before !== '-c';

it('a cycle that finds nothing new starts one git process', async () => {
  put(a.store, issue('t-a'));
  for (const _time of ['sent', 'fetched']) await cycle(a);
  expect(await commandsOf(() => cycle(a))).toEqual(['fetch']);
});

it('a change costs a fetch and a push; another clone’s change a fetch', async () => {
  put(a.store, issue('t-a'));
  for (const each of [a, b, a]) await cycle(each);
  put(a.store, issue('t-b'));
  expect(await commandsOf(() => cycle(a))).toEqual(['fetch', 'push']);
  const joins = await commandsOf(() => cycle(b));
  expect(joins).toEqual(['fetch']);
});
