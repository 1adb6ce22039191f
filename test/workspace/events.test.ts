import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { VERSIONS_MAX } from '../../src/store/lines.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { useSandbox } from '../support/sandbox.ts';

const DAY_MS = 24 * 3_600_000;

const sandbox = useSandbox();
const { at } = sandbox;
const git = (...args: string[]): string => sandbox.git(sandbox.directory, ...args);
let clock: FakeClock;
let workspace: Workspace;
let call: Call;

async function open(): Promise<void> {
  workspace = await openWorkspace({
    place: openPlace(at('.beads')),
    env: { ...sandbox.env, USER: 'mia' },
    clock,
    log: silentLog,
  });
  call = createCall(workspace);
}

const configure = (text: string): void =>
  writeFileSync(at('.beads/config.yaml'), `issue_prefix: t\n${text}`);

beforeEach(async () => {
  clock = createFakeClock();
  mkdirSync(at('.beads'));
  writeFileSync(at('.beads/metadata.json'), '{"project_id":"p"}');
  git('init', '-q', '-b', 'main');
  git('commit', '-q', '--allow-empty', '-m', 'start');
});
afterEach(async () => {
  await workspace[Symbol.asyncDispose]();
});

const create = async (title: string): Promise<string> =>
  (await call('create_issue', { issue: { title } })).issue_id;

async function createMany(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await create(`Issue ${n}`);
}

const offset = (seq: number): string =>
  [workspace.store.events.generation(), seq]
    .map((part) => String(part).padStart(16, '0'))
    .join('_');

const kinds = ({ events }: { events: { kind: string }[] }): string[] =>
  events.map(({ kind }) => kind);

describe('read_events', () => {
  beforeEach(async () => {
    configure('events:\n  keep_count: 3\n');
    await open();
  });

  test('begins with a reset, and each offset leads to what comes after it', async () => {
    await createMany(2);
    const all = await call('read_events', {});
    expect(kinds(all)).toEqual(['reset', 'created', 'created']);
    expect(all.events.map((event) => event.offset)).toEqual([offset(1), offset(2), offset(3)]);
    expect(all.next).toBe(offset(3));
    const first = await call('read_events', { limit: 1 });
    expect(kinds(first)).toEqual(['reset']);
    expect(await call('read_events', { after: first.next })).toMatchObject({
      events: [{ offset: offset(2) }, { offset: offset(3) }],
    });
    expect(await call('read_events', { after: offset(0), limit: 1 })).toEqual(first);
    expect(await call('read_events', { after: all.next })).toEqual({ events: [], next: all.next });
  });

  test('a store that is rebuilt answers no offset of the one before, and says where to begin', async () => {
    await createMany(2);
    const { next: old } = await call('read_events', {});
    await workspace[Symbol.asyncDispose]();
    rmSync(at('.beads/beads.db'));
    clock.advance(1_000);
    await open();
    await workspace.sync.flushMirror();
    const gone = await call('read_events', { after: old }).catch((error: unknown) => error);
    expect(gone).toMatchObject({ code: 'OFFSET_GONE', details: { first: offset(0) } });
    const { first } = (gone as { details: { first: string } }).details;
    expect(kinds(await call('read_events', { after: first }))).toEqual([
      'reset',
      'created',
      'created',
    ]);
  });

  test.each([-1, 100])('an offset that this log never gave is gone too (%i)', async (by) => {
    await createMany(1);
    const { generation, lastSeq } = workspace.store.events;
    const wrong =
      by < 0
        ? offset(2).replace(`${generation()}`, `${generation() + by}`)
        : offset(lastSeq() + by);
    await expect(call('read_events', { after: wrong })).rejects.toMatchObject({
      code: 'OFFSET_GONE',
    });
  });

  test('what was trimmed is gone, and the first that is left follows the offset that is named', async () => {
    await createMany(6);
    const { events } = await call('read_events', {});
    await workspace.sync.flushMirror();
    workspace.tidy();
    const gone = await call('read_events', { after: offset(1) }).catch((error: unknown) => error);
    expect(gone).toMatchObject({ code: 'OFFSET_GONE', details: { first: offset(4) } });
    expect(await call('read_events', { after: offset(4) })).toMatchObject({
      events: events.slice(-3),
      next: offset(7),
    });
    expect((await call('read_events', {})).events).toEqual(events.slice(-3));
  });

  test('numbers mean what they meant in protocol 1', async () => {
    await createMany(2);
    const all = await call('read_events', { after: 0 });
    expect(kinds(all)).toEqual(['created', 'created']);
    expect(all.next).toBe(3);
    const [, second] = all.events;
    expect(await call('read_events', { after: all.events[0]?.seq ?? 0 })).toEqual({
      events: [second],
      next: 3,
    });
    expect(await call('read_events', { after: 3 })).toEqual({ events: [], next: 3 });
    await createMany(4);
    await workspace.sync.flushMirror();
    workspace.tidy();
    expect((await call('read_events', { after: 0 })).events).toHaveLength(3);
    await expect(call('read_events', { after: 2 })).rejects.toMatchObject({ code: 'OFFSET_GONE' });
  });

  test.each(['', '12', '1_2', `${'9'.repeat(16)}_`])('"%s" is no offset', async (after) => {
    await expect(call('read_events', { after })).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  test('reading trims nothing', async () => {
    await createMany(6);
    clock.advance(1_000 * DAY_MS);
    for (let n = 0; n < 3; n++) await call('read_events', {});
    await call('list_issues', {});
    expect(workspace.store.events.start()).toBe(0);
  });
});

describe('what a store need not keep any more', () => {
  test('goes with the end of a command that changed something', async () => {
    configure('events:\n  keep_days: 2\n');
    await open();
    await createMany(2);
    await workspace[Symbol.asyncDispose]();
    clock.advance(3 * DAY_MS);
    await open();
    await create('Later');
    await workspace[Symbol.asyncDispose]();
    await open();
    expect(workspace.store.events.read({ after: 0, limit: 10 })).toHaveLength(1);
  });

  test('nothing is removed with a wrong setting', async () => {
    configure('events:\n  keep_days: 2\n');
    await open();
    await createMany(2);
    await workspace[Symbol.asyncDispose]();
    clock.advance(3 * DAY_MS);
    configure('events:\n  keep_days: 2\nsync:\n  mode: nonsense\n');
    await open();
    expect(() => workspace.tidy()).toThrow('sync.mode is "nonsense"');
    expect(workspace.store.events.start()).toBe(0);
    await call('set_config', { key: 'sync.mode', value: 'branch' });
  });

  test('a working tree that is gone holds no event, and is forgotten', async () => {
    configure('events:\n  keep_count: 1\nsync:\n  mode: worktree\n');
    git('worktree', 'add', '-q', 'side');
    mkdirSync(at('side/.beads'));
    await open();
    await createMany(2);
    await workspace.sync.flushMirror();
    expect(workspace.store.state.mirrorKeys()).toHaveLength(2);
    rmSync(at('side'), { recursive: true });
    await createMany(5);
    await workspace.sync.flushMirror();
    workspace.tidy();
    // Git still knows of it: it may be out of reach only.
    expect(workspace.store.state.mirrorKeys()).toHaveLength(2);
    expect(workspace.store.events.start()).toBe(3);
    git('worktree', 'prune');
    workspace.tidy();
    expect(workspace.store.state.mirrorKeys()).toEqual(['mirror:']);
    expect(workspace.store.events.start()).toBe(7);
  });

  test('replaced records are bounded also where the mirror is never written', async () => {
    configure('');
    await open();
    await create('One');
    const { store } = workspace;
    const change = { kind: 'updated', actor: '', origin: 'local', atMs: 0 } as const;
    store.transaction(() => {
      for (let n = 0; n < VERSIONS_MAX + 10; n++) {
        store.versions.add('t-x', store.events.append('t-x', change, {}), `${n}`);
      }
    });
    const oldest = store.events.lastSeq() - VERSIONS_MAX + 1;
    expect(store.versions.first()).toBe(oldest);
    expect(store.versions.reachBackTo(oldest - 1)).toBe(true);
    expect(store.versions.reachBackTo(oldest - 2)).toBe(false);
  });
});
