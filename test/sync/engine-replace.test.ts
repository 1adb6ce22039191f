import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { emptyCycleReport } from '../../src/sync/cycle.ts';
import { emptyMirrorReport, type Mirror } from '../../src/sync/mirror/mirror-file.ts';
import type { SyncContext } from '../../src/sync/sync-driver.ts';
import { SyncEngine } from '../../src/sync/sync-engine.ts';
import { eventually } from '../support/eventually.ts';
import { SETTINGS } from './settings.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let store: Store;

beforeEach(() => {
  store = openStore(`${sandbox.directory}/beads.db`, { clock: systemClock });
});
afterEach(() => {
  store.close();
});

/** An engine whose parts, numbered by the time they were opened, note what is asked of them. */
function createEngine(): { said: string[]; engine: SyncEngine } {
  const said: string[] = [];
  let opened = 0;
  const open = (): SyncContext => {
    const name = `${++opened}`;
    const mirror: Mirror = {
      path: `${sandbox.directory}/beads.jsonl`,
      isBehind: () => false,
      shownSeq: () => 0,
      shown: async () => undefined,
      directories: () => [],
      hasMoved: () => false,
      mayBeEdited: () => false,
      look: async () => 'settled',
      async flush() {
        said.push(`${name} flushed`);
        return emptyMirrorReport();
      },
    };
    return {
      store,
      mirror,
      cycle: {
        commits: 'store',
        async run({ signal }) {
          said.push(`${name} synced`);
          if (name === '1' && !signal.aborted) {
            await new Promise((done) => signal.addEventListener('abort', done));
            said.push('1 stopped');
          }
          return { ...emptyCycleReport(), end: 'shared', remote: `remote ${name}` };
        },
      },
      clock: systemClock,
      random: () => 0.5,
      settings: { ...SETTINGS, watchesFiles: false },
      guard: () => {},
      log: silentLog,
    };
  };
  return { said, engine: new SyncEngine(open) };
}

test('work ends before the change, and starts again with new parts after it', async () => {
  const { said, engine } = createEngine();
  const stop = new AbortController();
  const running = engine.run(stop.signal);
  await eventually(() => said.includes('1 synced'));
  await engine.replace(async () => void said.push('change'));
  await eventually(() => said.includes('2 synced'));
  stop.abort();
  await running;
  await engine.drain();
  const at = said.indexOf('change');
  expect(said.slice(0, at).every((what) => what.startsWith('1 '))).toBe(true);
  expect(said.slice(0, at)).toContain('1 stopped');
  expect(said[at - 1]).toBe('1 flushed');
  expect(said.slice(at + 1).every((what) => what.startsWith('2 '))).toBe(true);
  expect(said.at(-1)).toBe('2 flushed');
});

test('calls during a change are answered by the parts that come after it', async () => {
  const { said, engine } = createEngine();
  let finish = (): void => {};
  const change = engine.replace(() => new Promise<void>((done) => (finish = done)));
  const asked = [engine.syncNow(), engine.flushMirror(), engine.drain()];
  const second = engine.replace(async () => {});
  await eventually(() => said.length > 0);
  finish();
  await Promise.all([change, ...asked, second]);
  expect(said.filter((what) => what.startsWith('1 '))).toEqual(['1 flushed']);
  expect(said).toContain('2 synced');
  expect(await engine.syncNow()).toMatchObject({ remote: 'remote 3' });
});

test('a change that fails is reported to its caller, and work goes on', async () => {
  const { said, engine } = createEngine();
  const failing = engine.replace(() => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  await engine.flushMirror();
  expect(said).toContain('2 flushed');
});
