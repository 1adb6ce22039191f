import { expect, test } from 'vitest';
import { createReplaceableEngine } from '../../src/sync/replaceable-engine.ts';
import type { SyncEngine } from '../../src/sync/sync-engine.ts';

/** Engines that note what is asked of them. */
function createEngines() {
  const said: string[] = [];
  let count = 0;
  const open = (): SyncEngine => {
    const name = `engine ${++count}`;
    const say = (what: string): void => void said.push(`${name} ${what}`);
    return {
      storeChanged: () => say('changed'),
      activity: () => say('activity'),
      status: () => ({ state: 'ok', remote: name }) as never,
      watching: () => 'native',
      async flushMirror() {
        say('flushed');
        return {} as never;
      },
      async syncNow() {
        say('synced');
        return {} as never;
      },
      async run(signal) {
        say('runs');
        await new Promise<void>((done) => {
          if (signal.aborted) done();
          signal.addEventListener('abort', () => done());
        });
        say('ends');
      },
      async drain() {
        say('drained');
      },
    };
  };
  return { said, engine: createReplaceableEngine(open) };
}

test('one engine ends before the change, the other begins after it', async () => {
  const { said, engine } = createEngines();
  const stop = new AbortController();
  const running = engine.run(stop.signal);
  await engine.replace(async () => void said.push('change'));
  engine.storeChanged();
  await engine.flushMirror();
  stop.abort();
  await running;
  await engine.drain();
  expect(said.slice(0, 4)).toEqual([
    'engine 1 runs',
    'engine 1 ends',
    'engine 1 drained',
    'change',
  ]);
  expect(said.slice(4).toSorted()).toEqual(
    ['changed', 'drained', 'ends', 'flushed', 'runs'].map((what) => `engine 2 ${what}`),
  );
  expect(said.at(-1)).toBe('engine 2 drained');
});

test('whoever asks during a change is served by the next engine', async () => {
  const { said, engine } = createEngines();
  let finish = (): void => {};
  const change = engine.replace(() => new Promise<void>((done) => (finish = done)));
  const asked = [engine.syncNow(), engine.flushMirror(), engine.drain()];
  const second = engine.replace(async () => {});
  await Promise.resolve();
  setImmediate(() => finish());
  await Promise.all([change, ...asked, second]);
  expect(said.filter((what) => what.startsWith('engine 1'))).toEqual(['engine 1 drained']);
  expect(engine.status().remote).toBe('engine 3');
});

test('a change that fails is told of, and an engine works on', async () => {
  const { said, engine } = createEngines();
  const failing = engine.replace(() => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  await engine.flushMirror();
  expect(said).toContain('engine 2 flushed');
});
