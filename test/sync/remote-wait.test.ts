import { expect, test } from 'vitest';
import type { Git } from '../../src/git/git.ts';
import type { GitResult } from '../../src/git/process-group.ts';
import { RemoteWait } from '../../src/sync/remote-wait.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const PATIENCE_MS = 3_000;

function world() {
  const clock = createFakeClock();
  const answers: (() => void)[] = [];
  const git: Git = {
    gitDir: '/g',
    run: () => Promise.reject(new Error('not asked')),
    reach: () =>
      new Promise<GitResult>((resolve) => {
        answers.push(() => resolve({ exitCode: 0, stdout: Buffer.alloc(0), stderr: '' }));
      }),
  };
  const wait = new RemoteWait(clock);
  const watched = wait.watch(git);
  const listen = () => {
    let isOver = false;
    const silence = wait.whenUnanswered(PATIENCE_MS);
    void silence.passed.then(() => (isOver = true));
    return { ...silence, isOver: () => isOver };
  };
  return { clock, answers, wait, watched, listen };
}

const settled = (): Promise<void> => new Promise((done) => setImmediate(done));

test('a call without an answer is noticed when patience ends', async () => {
  const { clock, watched, listen } = world();
  const silence = listen();
  clock.advance(10_000);
  await settled();
  expect(silence.isOver(), 'nothing is asked yet').toBe(false);
  void watched.reach(['fetch']);
  clock.advance(PATIENCE_MS - 500);
  await settled();
  expect(silence.isOver()).toBe(false);
  clock.advance(750);
  await settled();
  expect(silence.isOver()).toBe(true);
});

test('an answered call no longer counts, and each call has its own time', async () => {
  const { clock, answers, wait, watched, listen } = world();
  const silence = listen();
  for (const _ of [1, 2, 3]) {
    const call = watched.reach(['fetch']);
    clock.advance(PATIENCE_MS - 500);
    answers.pop()?.();
    await call;
    expect(wait.sinceMs()).toBeUndefined();
  }
  await settled();
  expect(silence.isOver()).toBe(false);
});

test('a caller that comes late waits as long, and leaves no timer behind', async () => {
  const { clock, watched, listen } = world();
  void watched.reach(['fetch']);
  clock.advance(60_000);
  const silence = listen();
  clock.advance(PATIENCE_MS - 500);
  await settled();
  expect(silence.isOver()).toBe(false);
  silence.cancel();
  expect(clock.waiting).toBe(0);
});
