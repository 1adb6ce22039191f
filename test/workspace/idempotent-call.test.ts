import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { ANSWERS_KEPT } from '../../src/core/limits.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import { METHODS, type Call } from '../../src/protocol/methods.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';
import { createTempDirectory, type TempDirectory } from '../support/temp-directory.ts';

let temp: TempDirectory;
let workspace: Workspace;

const open = async (): Promise<Workspace> => {
  const env = { HOME: temp.path, PATH: process.env['PATH'], USER: 'mia' };
  const beadsDir = join(temp.path, '.beads');
  return await openWorkspace({
    place: openPlace(beadsDir),
    env,
    clock: systemClock,
    log: silentLog,
  });
};

beforeEach(async () => {
  temp = createTempDirectory();
  const beadsDir = join(temp.path, '.beads');
  mkdirSync(beadsDir);
  writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
  writeFileSync(join(beadsDir, 'config.yaml'), 'issue_prefix: t\n');
  workspace = await open();
});

afterEach(async () => {
  await workspace[Symbol.asyncDispose]();
  temp[Symbol.dispose]();
});

/** The same command once and again, as a client sends it whose answer was lost; both results. */
async function twice<T>(command: (call: Call) => Promise<T>): Promise<[T, T]> {
  const key = `key-${Math.random()}`;
  const first = await command(createCall(workspace, { key }));
  const eventsBefore = workspace.store.events.lastSeq();
  const again = await command(createCall(workspace, { key }));
  expect(workspace.store.events.lastSeq()).toBe(eventsBefore);
  return [first, again];
}

const create = async (title: string): Promise<string> =>
  (await createCall(workspace)('create_issue', { issue: { title } })).issue_id;

test('an issue is created once', async () => {
  const [first, again] = await twice((call) => call('create_issue', { issue: { title: 'One' } }));
  expect(again).toEqual(first);
  expect(workspace.store.queries.count({})).toBe(1);
});

test('and once where both are there at once', async () => {
  const command = (): Promise<{ issue_id: string }> =>
    createCall(workspace, { key: 'same' })('create_issue', { issue: { title: 'One' } });
  const [first, again] = await Promise.all([command(), command()]);
  expect(again).toEqual(first);
  expect(workspace.store.queries.count({})).toBe(1);
});

test('another key is another command', async () => {
  for (const key of ['a', 'b']) {
    await createCall(workspace, { key })('create_issue', { issue: { title: 'Same' } });
  }
  expect(workspace.store.queries.count({})).toBe(2);
});

/** Creating has tests of its own; importing and settling a conflict change nothing the second time, key or not. */
const TRIED_APART = ['create_issue', 'import', 'resolve_conflict'];

test('every change says when it comes again what it said the first time', async () => {
  const [one, two] = [await create('One'), await create('Two')];
  const changes: [string, (call: Call) => Promise<unknown>][] = [
    ['claim_issue', (call) => call('claim_issue', { issue_id: one })],
    ['update_issue', (call) => call('update_issue', { issue_id: one, changes: { priority: 0 } })],
    ['append', (call) => call('update_issue', { issue_id: one, changes: { append_notes: 'n' } })],
    ['add_comment', (call) => call('add_comment', { issue_id: one, text: 'said once' })],
    ['add_label', (call) => call('add_label', { issue_id: one, label: 'x' })],
    ['remove_label', (call) => call('remove_label', { issue_id: one, label: 'x' })],
    ['add_dependency', (call) => call('add_dependency', { issue_id: one, depends_on_id: two })],
    [
      'remove_dependency',
      (call) => call('remove_dependency', { issue_id: one, depends_on_id: two }),
    ],
    ['close_issue', (call) => call('close_issue', { issue_id: one })],
    ['reopen_issue', (call) => call('reopen_issue', { issue_id: one, reason: 'not done' })],
    ['delete_issues', (call) => call('delete_issues', { issue_ids: [one] })],
    ['restore_issue', (call) => call('restore_issue', { issue_id: one })],
  ];
  for (const [what, change] of changes) {
    const [first, again] = await twice(change);
    expect(again, what).toEqual(first);
  }
  const tried = new Set([...changes.map(([what]) => what), ...TRIED_APART]);
  const missing = Object.entries(METHODS)
    .filter(([name, method]) => method.effect === 'write' && !tried.has(name))
    .map(([name]) => name);
  expect(missing, 'Add each to `changes`: a command that comes again is done once.').toEqual([]);
  const { comments, notes } = workspace.store.issues.get(one) ?? {};
  expect(comments?.map(({ text }) => text)).toEqual(['said once', 'not done']);
  expect(notes).toBe('n');
});

test('what a command changed before it was cut off is not done again, and the rest is', async () => {
  const call = (): Call => createCall(workspace, { key: 'k' });
  const cutOff = call();
  const { issue_id: first } = await cutOff('create_issue', { issue: { title: 'First' } });
  const whole = call();
  expect((await whole('create_issue', { issue: { title: 'First' } })).issue_id).toBe(first);
  const { issue_id: second } = await whole('create_issue', { issue: { title: 'Second' } });
  expect(second).not.toBe(first);
  expect(workspace.store.queries.count({})).toBe(2);
});

test('one that chose its issue itself gets the one that it chose, not the next', async () => {
  await create('One');
  await create('Two');
  const claimNext = async (call: Call) => {
    const { issues } = await call('list_ready', { limit: 1 });
    return (await call('claim_issue', { issue_id: issues[0]?.id ?? '' })).issue.id;
  };
  const [first, again] = await twice(claimNext);
  expect(again).toBe(first);
  expect(workspace.store.queries.count({ statuses: ['in_progress'] })).toBe(1);
});

test('what was refused is tried again', async () => {
  const [issue, blocker] = [await create('One'), await create('Blocker')];
  await createCall(workspace)('add_dependency', { issue_id: issue, depends_on_id: blocker });
  const close = () => createCall(workspace, { key: 'k' })('close_issue', { issue_id: issue });
  await expect(close()).rejects.toMatchObject({ code: 'ISSUE_BLOCKED' });
  await createCall(workspace)('close_issue', { issue_id: blocker });
  expect(await close()).toMatchObject({ changed: true });
});

test('the answer is in the store with its change, for the next daemon', async () => {
  const change = () =>
    createCall(workspace, { key: 'k' })('create_issue', { issue: { title: 'x' } });
  const first = await change();
  await workspace[Symbol.asyncDispose]();
  workspace = await open();
  expect(await change()).toEqual(first);
});

test('the answer of another method is never given', async () => {
  await createCall(workspace, { key: 'k' })('create_issue', { issue: { title: 'One' } });
  const [id = ''] = workspace.store.issues.linesAfter('', 1).map((line) => line.id);
  const closed = await createCall(workspace, { key: 'k' })('close_issue', { issue_id: id });
  expect(closed).toMatchObject({ changed: true, issue: { status: 'closed' } });
});

test('the latest answers are kept', () => {
  const { store } = workspace;
  store.transaction(() => {
    for (let at = 0; at <= ANSWERS_KEPT; at += 1) store.answers.add(`k${at}`, String(at));
  });
  expect(store.answers.get('k0')).toBeUndefined();
  expect(store.answers.get('k1')).toBe('1');
  expect(store.answers.get(`k${ANSWERS_KEPT}`)).toBe(String(ANSWERS_KEPT));
});

test('an import that comes again changes nothing', async () => {
  const lines = ['{"id":"t-1","title":"In","status":"open","labels":["x"]}'];
  const [first, again] = await twice((call) => call('import', { lines }));
  expect([first.created, again.created, again.updated]).toEqual([1, 0, 0]);
});
