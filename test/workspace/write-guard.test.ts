import { mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { openPlace } from '../../src/place/workspace-place.ts';
import { silentLog } from '../../src/platform/log.ts';
import { METHODS, type Method, type Params } from '../../src/protocol/methods.ts';
import type { Commit } from '../../src/store/store.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { useSandbox } from '../support/sandbox.ts';

const sandbox = useSandbox();
const { at, git } = sandbox;
let workspace: Workspace;

const open = (): Promise<Workspace> =>
  openWorkspace({
    place: openPlace(at('.beads')),
    env: { ...sandbox.env, USER: 'mia' },
    clock: systemClock,
    log: silentLog,
  });

const configure = (text: string): void => writeFileSync(at('.beads/config.yaml'), text);

beforeEach(async () => {
  git(sandbox.directory, 'init', '-q', '-b', 'main');
  mkdirSync(at('.beads'));
  writeFileSync(at('.beads/metadata.json'), '{"project_id":"p"}');
  configure('issue_prefix: t\n');
  workspace = await open();
});

afterEach(() => {
  workspace.abandon();
});

const line = (id: string): string =>
  JSON.stringify({ id, title: 'From a file', status: 'open', priority: 2, issue_type: 'task' });

/** Each method that writes, with parameters that it would take. */
const WRITES: { [M in Method]?: Params<M> } = {
  create_issue: { issue: { title: 'New' } },
  update_issue: { issue_id: 't-one', changes: { priority: 0 } },
  claim_issue: { issue_id: 't-one' },
  close_issue: { issue_id: 't-one' },
  reopen_issue: { issue_id: 't-closed' },
  delete_issues: { issue_ids: ['t-one'] },
  restore_issue: { issue_id: 't-gone' },
  add_dependency: { issue_id: 't-one', depends_on_id: 't-two' },
  remove_dependency: { issue_id: 't-two', depends_on_id: 't-closed' },
  add_label: { issue_id: 't-one', label: 'x' },
  remove_label: { issue_id: 't-two', label: 'y' },
  add_comment: { issue_id: 't-one', text: 'Said' },
  resolve_conflict: { issue_id: 't-two', field: 'title', value: 'Chosen' },
  import: { lines: [line('t-new'), line('t-one')] },
  migrate: { to: 'worktree' },
};

const READS: { [M in Method]?: Params<M> } = {
  preview_issue: { issue: { title: 'New' } },
  get_issue: { issue_id: 't-one' },
  resolve_id: { issue_id: 't-one' },
  list_issues: {},
  list_ready: {},
  list_blocked: {},
  list_stale: { days: 1 },
  count_issues: {},
  get_stats: {},
  epic_status: {},
  list_dependencies: { issue_id: 't-one' },
  dependency_tree: { issue_id: 't-one' },
  dependency_cycles: {},
  list_labels: { issue_id: 't-one' },
  count_labels: {},
  list_comments: { issue_id: 't-one' },
  list_conflicts: {},
  ping: {},
  get_info: {},
  sync_status: {},
  take_overdue_notice: {},
  read_lines: {},
  read_events: {},
  get_config: { key: 'sync.mode' },
  list_config: {},
  explain_config: {},
};

async function fill(): Promise<void> {
  const call = createCall(workspace);
  for (const id of ['t-one', 't-two', 't-closed', 't-gone']) {
    await call('create_issue', { issue: { id, title: id } });
  }
  await call('add_label', { issue_id: 't-two', label: 'y' });
  await call('add_dependency', { issue_id: 't-two', depends_on_id: 't-closed' });
  await call('close_issue', { issue_id: 't-closed' });
  await call('delete_issues', { issue_ids: ['t-gone'] });
}

/** All that a write could have changed. */
const content = ({ store }: Workspace): unknown => ({
  lines: store.issues.linesAfter('', 100),
  lastSeq: store.events.lastSeq(),
  pending: store.outbox.pending(),
});

test.each([
  ['write', Object.keys(WRITES)],
  ['read', Object.keys(READS)],
])('each method with the effect "%s" is tried below', (effect, tried) => {
  const missing = Object.entries(METHODS)
    .filter(([name, method]) => method.effect === effect && !tried.includes(name))
    .map(([name]) => name);
  expect(
    missing,
    'Add parameters that each takes to WRITES or READS, and its issues to `fill`.',
  ).toEqual([]);
});

test('with a wrong setting each method that writes is refused, and each that reads goes on', async () => {
  await fill();
  // Publishing again forgets it.
  workspace.store.state.set('imported_from', 'origin beads-sync');
  await workspace[Symbol.asyncDispose]();
  configure('issue_prefix: t\nsync:\n  mode: nonsense\n');
  workspace = await open();
  const call = createCall(workspace);
  const before = content(workspace);
  const refusal = {
    code: 'INVALID_VALUE',
    message: expect.stringContaining('sync.mode is "nonsense"'),
  };
  for (const [method, params] of Object.entries(WRITES) as [Method, never][]) {
    await expect(call(method, params), method).rejects.toMatchObject(refusal);
    expect(content(workspace), method).toEqual(before);
  }
  expect(await call('sync', {})).toMatchObject({ error: expect.stringContaining('nonsense') });
  await expect(call('sync', { publish: true })).rejects.toMatchObject(refusal);
  expect(content(workspace)).toEqual(before);
  for (const [method, params] of Object.entries(READS) as [Method, never][]) {
    await expect(call(method, params), method).resolves.toBeDefined();
  }
  expect(await call('import', { lines: [line('t-new')], dry_run: true })).toMatchObject({
    created: 1,
  });
  await call('set_config', { key: 'sync.mode', value: 'branch' });
  expect(await call('import', { lines: [line('t-new')] })).toMatchObject({ created: 1 });
});

test('listeners hear once which events a commit added, and nothing of one that failed', async () => {
  await fill();
  const commits: Commit[] = [];
  const { store } = workspace;
  store.onCommit((commit) => commits.push(commit));
  const call = createCall(workspace);
  await call('create_issue', { issue: { id: 't-three', title: 'Three' } });
  const first = store.events.lastSeq();
  expect(commits).toEqual([{ from: first - 1, to: first }]);
  await call('get_issue', { issue_id: 't-one' });
  await expect(call('close_issue', { issue_id: 't-none' })).rejects.toThrow();
  expect(() =>
    store.transaction(() => {
      store.events.append('t-one', { kind: 'updated', actor: '', origin: 'local', atMs: 0 }, {});
      throw new Error('stop');
    }),
  ).toThrow('stop');
  store.transaction(() => {});
  expect(commits).toHaveLength(1);
  const lines = Array.from({ length: 450 }, (_, n) => line(`t-${n}x`));
  await call('import', { lines });
  expect(commits).toEqual([
    { from: first - 1, to: first },
    { from: first, to: first + 450 },
  ]);
});

test('what stops in the middle leaves whole slices, and listeners hear of those', async () => {
  await fill();
  const { store } = workspace;
  let slices = 0;
  const guarded = store.guardedBy(() => {
    slices += 1;
    if (slices === 3) throw new Error('not ours');
  });
  const heard: Commit[] = [];
  store.onCommit((commit) => heard.push(commit));
  const append = (id: string): void =>
    void store.events.append(id, { kind: 'updated', actor: '', origin: 'local', atMs: 0 }, {});
  const from = store.events.lastSeq();
  await expect(guarded.writeSlices(['a', 'b', 'c', 'd'], append)).rejects.toThrow('not ours');
  expect(heard).toEqual([{ from, to: from + 2 }]);
});
