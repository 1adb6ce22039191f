import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { getEventListeners } from 'node:events';
import { join } from 'node:path';
import { SqliteError } from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MIRROR_LOOK_INTERVAL_MS } from '../../src/core/limits.ts';
import type { Log } from '../../src/platform/log.ts';
import type { SyncBranch } from '../../src/sync/branch/sync-branch.ts';
import { eventually } from '../support/eventually.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import {
  classic,
  createClone,
  createRemote,
  issue,
  line,
  lines,
  put,
  type Clone,
} from './fixture.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
let open: Clone[];
let stop: AbortController;
let running: Promise<void>[];

beforeEach(() => {
  open = [];
  running = [];
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  for (const { store } of open) store.close();
});

function clone(name: string, options: Parameters<typeof createClone>[2] = {}): Clone {
  const made = createClone(sandbox, name, options);
  // Short, so that the tests do not wait for the pace of people.
  Object.assign(made.settings, {
    quietMs: 20,
    delayMaxMs: 200,
    fetchActiveMs: 200,
    fetchIdleMs: 200,
  });
  open.push(made);
  return made;
}

function start({ engine }: Clone): void {
  running.push(engine.run(stop.signal));
}

const change = ({ store, engine }: Clone, ...issues: ReturnType<typeof issue>[]): void => {
  put(store, ...issues);
  engine.storeChanged();
};
const shown = ({ mirrorPath }: Clone): string =>
  existsSync(mirrorPath) ? classic(readFileSync(mirrorPath, 'utf8').split('\n')).join('\n') : '';

/** Notes when the branch is fetched and pushed. */
const noting =
  (steps: string[]) =>
  (branch: SyncBranch): SyncBranch => ({
    ...branch,
    async fetch(...args) {
      steps.push('fetch');
      return await branch.fetch(...args);
    },
    async push(...args) {
      const pushed = await branch.push(...args);
      steps.push('pushed');
      return pushed;
    },
  });

it('a store that cannot be read for a while takes no answer away, and is shared afterwards', async () => {
  const remote = createRemote(sandbox);
  const [a, b] = [clone('a', { remote }), clone('b', { remote })];
  const { outbox, events } = a.store;
  // As where there is no write-ahead log, and another program writes for longer than any caller waits.
  const locked = (): never => {
    throw new SqliteError('database is locked', 'SQLITE_BUSY');
  };
  start(a);
  put(a.store, issue('t-a'));
  vi.spyOn(outbox, 'pending').mockImplementation(locked);
  vi.spyOn(events, 'lastSeq').mockImplementation(locked);
  expect(() => a.engine.storeChanged()).not.toThrow();
  expect(await a.engine.syncNow()).toMatchObject({
    state: 'failed',
    pending: 1,
    error: expect.stringContaining('another program has kept it locked'),
  });
  vi.restoreAllMocks();
  expect(await a.engine.syncNow()).toMatchObject({ state: 'ok', pending: 0 });
  expect(await b.engine.syncNow()).toMatchObject({ imported: 1 });
});

describe('bd sync', () => {
  it('takes in the mirror, shares, and shows what came, in one call', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    put(b.store, issue('t-b'));
    await b.engine.syncNow();
    writeFileSync(a.mirrorPath, `${line('t-a')}\n`);
    expect(await a.engine.syncNow()).toEqual({
      state: 'ok',
      pending: 0,
      pushed: 1,
      imported: 2,
      remote: 'origin',
      error: null,
    });
    expect(shown(a)).toBe(`${line('t-a')}\n${line('t-b')}\n`);
  });

  it('writes the mirror while it talks to the remote, and ends when the file shows what came', async () => {
    const remote = createRemote(sandbox);
    const steps: string[] = [];
    const [a, b] = [clone('a', { remote }), clone('b', { remote, wrapBranch: noting(steps) })];
    put(a.store, issue('t-a'));
    await a.engine.syncNow();
    await b.engine.syncNow();
    const flush = b.mirror.flush.bind(b.mirror);
    const waitedFor = ['fetch', 'pushed'];
    vi.spyOn(b.mirror, 'flush').mockImplementation(async (options) => {
      const git = waitedFor.shift() ?? 'pushed';
      await eventually(() => steps.includes(git)).catch(() => steps.push('too late'));
      const report = await flush(options);
      steps.push('flushed');
      return report;
    });
    put(a.store, issue('t-a', { title: 'From there' }));
    await a.engine.syncNow();
    put(b.store, issue('t-b'));
    steps.length = 0;
    expect(await b.engine.syncNow()).toMatchObject({ pushed: 1, imported: 1, pending: 0 });
    expect([steps[0], steps.at(-1), waitedFor]).toEqual(['fetch', 'flushed', []]);
    expect(steps).not.toContain('too late');
    expect(shown(b)).toBe(`${classic(lines(b.store)).join('\n')}\n`);
    expect(shown(b)).toContain('From there');
  });

  it('shares an edit of the mirror that was made before it, whatever else waits', async () => {
    const remote = createRemote(sandbox);
    const steps: string[] = [];
    const [a, b] = [clone('a', { remote, wrapBranch: noting(steps) }), clone('b', { remote })];
    const flush = a.mirror.flush.bind(a.mirror);
    vi.spyOn(a.mirror, 'flush').mockImplementation(async (options) => {
      const report = await flush(options);
      steps.push('flushed');
      return report;
    });
    put(a.store, issue('t-a'));
    await a.engine.syncNow();
    for (let round = 0; round < 3; round++) {
      put(a.store, issue('t-b', { title: `Ours ${round}` }));
      appendFileSync(a.mirrorPath, `${line(`t-edit-${round}`)}\n`);
      steps.length = 0;
      expect(await a.engine.syncNow()).toMatchObject({ pending: 0, imported: 1 });
      expect(steps.slice(0, 2)).toEqual(['flushed', 'fetch']);
      await b.engine.syncNow();
      expect(b.store.issues.get(`t-edit-${round}`)).toBeDefined();
    }
  });

  it('covers a change made while another cycle ran', async () => {
    const remote = createRemote(sandbox);
    let release = (): void => {};
    let reached = (): void => {};
    const atPush = new Promise<void>((resolve) => (reached = resolve));
    const gate = new Promise<void>((resolve) => (release = resolve));
    const a = clone('a', {
      remote,
      wrapBranch: (branch): SyncBranch => ({
        ...branch,
        async push(...push) {
          reached();
          await gate;
          return branch.push(...push);
        },
      }),
    });
    put(a.store, issue('t-a'));
    const first = a.engine.syncNow();
    await atPush;
    put(a.store, issue('t-b'));
    const [second, third] = [a.engine.syncNow(), a.engine.syncNow()];
    release();
    expect(await first).toMatchObject({ pushed: 1 });
    expect(await second).toMatchObject({ state: 'ok', pending: 0, pushed: 1 });
    expect(await third).toEqual(await second);
    expect(sandbox.git(remote, 'show', 'beads-sync:.beads/issues.jsonl')).toContain('t-b');
    expect(sandbox.git(remote, 'rev-list', '--count', 'beads-sync')).toBe('2');
  });

  it('says what is wrong and what to do, and so does the status until it is well again', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    renameSync(remote, `${remote}.gone`);
    put(a.store, issue('t-a'));
    const report = await a.engine.syncNow();
    expect(report).toMatchObject({ state: 'offline', pending: 1, pushed: 0, remote: 'origin' });
    expect(report.error).toMatch(/origin cannot be reached: .*bd sync/s);
    expect(a.engine.status()).toMatchObject({ state: 'offline', pending: 1, last_ok: null });
    expect(a.engine.status().remedy).toContain('bd sync');
    renameSync(`${remote}.gone`, remote);
    expect(await a.engine.syncNow()).toMatchObject({ state: 'ok', error: null, pushed: 1 });
    expect(a.engine.status()).toMatchObject({ state: 'ok', error: null, remedy: null });
  });

  it('says once which lines were put aside', async () => {
    const a = clone('a');
    writeFileSync(a.mirrorPath, `${line('t-a')}\n{"id":\n`);
    const report = await a.engine.syncNow();
    expect(report).toMatchObject({ state: 'no_remote', imported: 1 });
    expect(report.error).toMatch(/^1 line of beads\.jsonl could not be read \(line 2: not JSON/);
    expect((await a.engine.syncNow()).error).toBeNull();
  });

  it('shares although the mirror cannot be written, and says so', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    writeFileSync(join(a.beadsDir, 'quarantine'), 'in the way');
    writeFileSync(a.mirrorPath, '{"broken"\n');
    put(a.store, issue('t-a'));
    const report = await a.engine.syncNow();
    expect(report).toMatchObject({ state: 'failed', pushed: 1, pending: 0 });
    expect(report.error).toContain('quarantine');
    const onBranch = sandbox.git(remote, 'show', 'beads-sync:.beads/issues.jsonl');
    expect(classic([onBranch])).toEqual([line('t-a')]);
  });
});

describe('a running engine', () => {
  it('brings a change to the mirror and the remote by itself', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    start(a);
    change(a, issue('t-a'));
    await eventually(() => shown(a) === `${line('t-a')}\n`);
    await eventually(() => sandbox.git(remote, 'for-each-ref').includes('beads-sync'));
    await eventually(() => a.engine.status().state === 'ok');
    expect(a.engine.status()).toMatchObject({ pending: 0, oldest_pending_s: null });
  });

  it('brings a change of another clone to the store and the mirror by itself', async () => {
    const remote = createRemote(sandbox);
    const [a, b] = [clone('a', { remote }), clone('b', { remote })];
    start(a);
    put(b.store, issue('t-b'));
    await b.engine.syncNow();
    await eventually(() => shown(a) === `${line('t-b')}\n`);
  });

  it('takes in an outside edit by itself, and one made before it watched', async () => {
    const a = clone('a');
    writeFileSync(a.mirrorPath, `${line('t-before')}\n`);
    start(a);
    await eventually(() => a.store.issues.get('t-before') !== undefined);
    await eventually(() => !a.mirror.isBehind());
    appendFileSync(a.mirrorPath, `${line('t-edit')}\n`);
    await eventually(() => a.store.issues.get('t-edit') !== undefined);
    await eventually(() => shown(a) === `${line('t-before')}\n${line('t-edit')}\n`);
  });

  it('sends a burst as one commit', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    Object.assign(a.settings, { quietMs: 500, delayMaxMs: 5_000 });
    start(a);
    for (let at = 0; at < 50; at++) change(a, issue(`t-${at}`));
    await eventually(() => sandbox.git(remote, 'for-each-ref').includes('beads-sync'));
    await eventually(() => a.store.outbox.pending().count === 0);
    expect(sandbox.git(remote, 'rev-list', '--count', 'beads-sync')).toBe('1');
  });

  it('that is idle writes nothing, says nothing, and only looks at the remote', async () => {
    const remote = createRemote(sandbox);
    const said: string[] = [];
    const say = (message: string): void => void said.push(message);
    const log: Log = { info: say, warn: say, error: say };
    const calls: string[] = [];
    const a = clone('a', {
      remote,
      log,
      wrapBranch: (branch) =>
        Object.fromEntries(
          Object.entries(branch).map(([name, value]: [string, unknown]) => [
            name,
            typeof value === 'function'
              ? (...args: never[]) => {
                  calls.push(name);
                  return (value as (...args: never[]) => unknown)(...args);
                }
              : value,
          ]),
        ) as unknown as SyncBranch,
    });
    put(a.store, issue('t-a'));
    await a.engine.syncNow();
    start(a);
    await eventually(() => calls.filter((name) => name === 'fetch').length >= 3);
    const flush = a.mirror.flush.bind(a.mirror);
    a.mirror.flush = () => {
      calls.push('flush');
      return flush();
    };
    calls.length = 0;
    const before = statSync(a.mirrorPath, { bigint: true });
    const changes = a.store.state.get('mirror:');
    await eventually(() => calls.filter((name) => name === 'fetch').length >= 4);
    expect(new Set(calls)).toEqual(new Set(['remote', 'fetch', 'tips']));
    const after = statSync(a.mirrorPath, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    expect(a.store.state.get('mirror:')).toEqual(changes);
    expect(said).toEqual([]);
  });

  it('logs once that a failure came, and once that it went', async () => {
    const remote = createRemote(sandbox);
    const said: string[] = [];
    const say = (message: string): void => void said.push(message);
    const a = clone('a', { remote, log: { info: say, warn: say, error: say } });
    renameSync(remote, `${remote}.gone`);
    await a.engine.syncNow();
    await a.engine.syncNow();
    renameSync(`${remote}.gone`, remote);
    await a.engine.syncNow();
    await a.engine.syncNow();
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('cannot be reached');
    expect(said[1]).toBe('sync works again');
  });
});

describe('draining', () => {
  it('writes the mirror and starts no network work', async () => {
    const remote = createRemote(sandbox);
    const a = clone('a', { remote });
    put(a.store, issue('t-a'));
    await a.engine.drain();
    expect(shown(a)).toBe(`${line('t-a')}\n`);
    expect(sandbox.git(remote, 'for-each-ref')).toBe('');
    expect(a.store.outbox.pending().count).toBe(1);
  });

  it('stops a fetch that hangs, and run settles', async () => {
    let hangs = (): void => {};
    const hanging = new Promise<void>((resolve) => (hangs = resolve));
    const a = clone('a', {
      remote: createRemote(sandbox),
      wrapBranch: (branch) => ({
        ...branch,
        fetch: (_remote, { signal } = {}) =>
          new Promise((_resolve, reject) => {
            hangs();
            signal?.addEventListener('abort', () => reject(new Error('stopped')));
          }),
      }),
    });
    start(a);
    await hanging;
    change(a, issue('t-a'));
    stop.abort();
    await a.engine.drain();
    await Promise.all(running);
    expect(shown(a)).toBe(`${line('t-a')}\n`);
    expect(classic(lines(a.store))).toEqual([line('t-a')]);
  });
});

describe('a mirror that is not watched', () => {
  it('is looked at when the workspace is used', async () => {
    const a = clone('a');
    a.settings.watchesFiles = false;
    writeFileSync(a.mirrorPath, `${line('t-a')}\n`);
    start(a);
    // The look at the start is over when the file is as bd writes it.
    await eventually(() => readFileSync(a.mirrorPath, 'utf8').includes('"_bd"'));
    await a.engine.flushMirror();
    appendFileSync(a.mirrorPath, `${line('t-b')}\n`);
    a.engine.activity();
    await eventually(() => a.store.issues.get('t-b') !== undefined, { deadlineMs: 10_000 });
  });

  it('is looked at regularly while the engine runs, without a leak of listeners', async () => {
    const clock = createFakeClock();
    const a = clone('a', { clock });
    a.settings.watchesFiles = false;
    const listening = vi.spyOn(AbortSignal.prototype, 'addEventListener');
    start(a);
    await a.engine.flushMirror();
    const signals = new Set(listening.mock.contexts as EventTarget[]);
    const kept = (): number =>
      [...signals].reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);
    await eventually(() => kept() > 2, { what: 'the engine runs' });
    const before = kept();
    appendFileSync(a.mirrorPath, `${line('t-a')}\n`);
    await eventually(() => {
      clock.advance(MIRROR_LOOK_INTERVAL_MS);
      return a.store.issues.get('t-a') !== undefined;
    });
    clock.advance(20 * MIRROR_LOOK_INTERVAL_MS);
    expect(kept()).toBe(before);
    listening.mockRestore();
  });
});
