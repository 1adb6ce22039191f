import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeIssue } from '../../src/core/causal/causal-line.ts';
import { compareSiblings, type Sibling } from '../../src/core/causal/issue-state.ts';
import type { Write } from '../../src/core/causal/write.ts';
import type { IssueId } from '../../src/core/issue-id.ts';
import type { Call, Params } from '../../src/protocol/methods.ts';
import { openTwoWorkspaces, type TwoWorkspaces } from './two-workspaces.ts';

let world: TwoWorkspaces;
let mia: Call;
let lee: Call;

beforeEach(async () => {
  world = await openTwoWorkspaces();
  mia = world.mia.call;
  lee = world.lee.call;
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

type Changes = Params<'update_issue'>['changes'];

const ID = 't-1';

/** An issue that both have. */
async function shared(fields: Record<string, unknown> = {}, id = ID): Promise<void> {
  await mia('create_issue', { issue: { id, title: 'First', ...fields } });
  await world.exchange();
}

/** Each edits without knowing of the other, then they meet. */
async function concurrently(byMia: Changes, byLee: Changes): Promise<void> {
  await mia('update_issue', { issue_id: ID, changes: byMia });
  await lee('update_issue', { issue_id: ID, changes: byLee });
  await world.exchange();
}

function write(clone: TwoWorkspaces['mia'], ...writes: Write[]): void {
  const change = { kind: 'updated', actor: '', origin: 'local' } as const;
  const { workspace, clock } = clone;
  workspace.store.transaction(() =>
    workspace.store.edits.write(ID as IssueId, writes, { ...change, atMs: clock.nowMs() }),
  );
}

/** The issue as a tool writes it that knows neither `_bd` nor what came after the creation. */
function foreignLine(fields: Record<string, unknown>): string {
  const at = '2026-01-02T03:04:05.000Z';
  const born = { created_at: at, created_by: 'mia', updated_at: '2026-01-02T03:04:05.500Z' };
  const usual = { title: 'First', status: 'open', priority: 2, issue_type: 'task' };
  return JSON.stringify({ id: ID, ...usual, ...born, ...fields });
}

async function fieldsInConflict(call: Call = mia): Promise<string[]> {
  return (await call('list_conflicts', {})).conflicts.map(({ field }) => field);
}

async function conflictOf(field: string) {
  const { conflicts } = await mia('list_conflicts', { issue_id: ID });
  const found = conflicts.find((conflict) => conflict.field === field);
  if (found === undefined) throw new Error(`${field} is not in conflict`);
  return found;
}

const resolve = (more: Omit<Params<'resolve_conflict'>, 'issue_id'>, call: Call = mia) =>
  call('resolve_conflict', { issue_id: ID, ...more });

const shownTo = async (call: Call) => (await call('get_issue', { issue_id: ID })).issue;

async function expectSettledEverywhere(): Promise<void> {
  await expectSettled({});
}

/** After one clone settled it, nobody has anything left to decide, and both show the same. */
async function expectSettled(expected: Record<string, unknown>): Promise<void> {
  await world.exchange();
  expect(await fieldsInConflict(mia)).toEqual([]);
  expect(await fieldsInConflict(lee)).toEqual([]);
  expect(await shownTo(lee)).toMatchObject(expected);
  expect(await shownTo(mia)).toEqual(await shownTo(lee));
}

async function refused(work: Promise<unknown>): Promise<{ code: string; text: string }> {
  try {
    await work;
  } catch (error) {
    const { code, message, remedy } = error as { code: string; message: string; remedy: string };
    return { code, text: `${message}\n${remedy}` };
  }
  throw new Error('it was not refused');
}

describe('list_conflicts', () => {
  test('is the same in both clones, by issue and field, with who wrote what when', async () => {
    await shared();
    await shared({}, 't-0');
    const editedMs = world.lee.clock.nowMs();
    for (const [call, name] of [
      [mia, 'mia'],
      [lee, 'lee'],
    ] as const) {
      await call('update_issue', { issue_id: ID, changes: { title: name, description: name } });
      await call('update_issue', {
        issue_id: 't-0',
        changes: { priority: name === 'mia' ? 0 : 1 },
      });
    }
    await world.exchange();
    const listed = await mia('list_conflicts', {});
    expect(JSON.stringify(await lee('list_conflicts', {}))).toBe(JSON.stringify(listed));
    expect(listed.conflicts.map(({ issue_id: id, field }) => [id, field])).toEqual([
      ['t-0', 'priority'],
      [ID, 'description'],
      [ID, 'title'],
    ]);
    const replica = (name: 'mia' | 'lee'): string => world[name].workspace.store.replica.id();
    expect(listed.conflicts[2]).toEqual({
      issue_id: ID,
      title: 'lee',
      field: 'title',
      kind: 'values',
      shown: {
        value: 'lee',
        written_at: new Date(editedMs).toISOString(),
        replica: replica('lee'),
      },
      others: [
        {
          value: 'mia',
          written_at: new Date(editedMs - 1_000).toISOString(),
          replica: replica('mia'),
        },
      ],
    });
    expect((await shownTo(mia)).conflicts).toEqual(['description', 'title']);
    expect((await mia('sync_status', {})).conflicts).toBe(2);
  });

  test('is empty, and get_issue says nothing, when nothing is to be decided', async () => {
    await shared();
    await concurrently({ title: 'Same' }, { title: 'Same' });
    expect(await mia('list_conflicts', {})).toEqual({ conflicts: [], kept_aside: [] });
    expect(await shownTo(mia)).not.toHaveProperty('conflicts');
    expect((await mia('sync_status', {})).conflicts).toBe(0);
  });

  test('the files of lines that were kept aside are named, but not for one issue', async () => {
    await shared();
    const { quarantineDirectory } = world.mia.workspace.place;
    mkdirSync(quarantineDirectory);
    writeFileSync(join(quarantineDirectory, 'ab.jsonl'), '{');
    const { kept_aside: files } = await mia('list_conflicts', {});
    expect(files).toEqual([join(quarantineDirectory, 'ab.jsonl')]);
    expect((await mia('list_conflicts', { issue_id: ID })).kept_aside).toEqual([]);
  });
});

describe('resolve_conflict', () => {
  test('the winner, the other one, a number or a new value settle it for everybody', async () => {
    await shared();
    const cases = [
      [{ take: 'winner' }, 'lee 0'],
      [{ take: 'other' }, 'mia 1'],
      [{ take: '1' }, 'mia 2'],
      [{ value: 'both' }, 'both'],
    ] as const;
    for (const [round, [choice, title]] of cases.entries()) {
      await concurrently({ title: `mia ${round}` }, { title: `lee ${round}` });
      const { issue, field, value } = await resolve({ field: 'title', ...choice });
      expect([issue.title, field, value]).toEqual([title, 'title', title]);
      expect(await fieldsInConflict(mia)).toEqual([]);
      await expectSettled({ title });
    }
    const { events } = await mia('read_events', {});
    expect(events.filter(({ kind }) => kind === 'conflict_resolved')).toHaveLength(cases.length);
  });

  test('of several others one is named by its number', async () => {
    await shared();
    await concurrently({ description: 'mia' }, { description: 'lee' });
    // A tool that knows neither wrote a third one, from what both had.
    await mia('import', { lines: [foreignLine({ description: 'third' })] });
    const { others } = await conflictOf('description');
    expect(others).toHaveLength(2);
    const { code, text } = await refused(resolve({ field: 'description', take: 'other' }));
    expect(code).toBe('INVALID_VALUE');
    for (const [at, { value }] of others.entries()) {
      expect(text).toContain(`${at + 1} is ${JSON.stringify(value)}`);
    }
    for (const take of ['0', '3', '-1', 'loser', '1.5']) {
      expect((await refused(resolve({ field: 'description', take }))).code).toBe('INVALID_VALUE');
    }
    await resolve({ field: 'description', take: '2' });
    await expectSettled({ description: others[1]?.value });
  });

  test('merging keeps the lines of both, and only long texts are merged', async () => {
    await shared({ description: 'start\nend' });
    await concurrently(
      { description: 'start\nmia\nend', title: 'mia' },
      { description: 'start\nlee\nend', title: 'lee' },
    );
    expect((await refused(resolve({ field: 'title', merge: true }))).text).toContain(
      'no long text',
    );
    await resolve({ field: 'title', take: 'winner' });
    await resolve({ field: 'description', merge: true });
    await expectSettled({ description: 'start\nlee\nmia\nend', title: 'lee' });
  });

  test('the status goes with the time and reason of closing', async () => {
    await shared();
    const close = async (call: Call, reason: string): Promise<void> => {
      await call('close_issue', { issue_id: ID, reason });
    };
    await close(mia, 'done');
    await mia('update_issue', { issue_id: ID, changes: { priority: 0 } });
    await lee('update_issue', { issue_id: ID, changes: { status: 'in_progress' } });
    await world.exchange();
    expect(await conflictOf('status')).toMatchObject({
      shown: { value: { status: 'closed', close_reason: 'done' } },
      others: [{ value: { status: 'in_progress' } }],
    });
    await resolve({ field: 'status', value: 'deferred' });
    await expectSettled({ status: 'deferred' });
    expect(await shownTo(mia)).not.toHaveProperty('closed_at');
    await close(mia, 'mia');
    await close(lee, 'lee');
    await world.exchange();
    await resolve({ field: 'status', take: 'other' }, lee);
    await world.exchange();
    expect(await fieldsInConflict()).toEqual([]);
    expect((await shownTo(mia)).closed_at).toBeDefined();
  });

  test('a claim is settled as the assignee, and can be cleared', async () => {
    await shared();
    await mia('claim_issue', { issue_id: ID });
    await lee('claim_issue', { issue_id: ID });
    await world.exchange();
    expect(await conflictOf('assignee')).toMatchObject({
      shown: { value: 'mia' },
      others: [{ value: 'lee' }],
    });
    await resolve({ field: 'assignee', value: null }, lee);
    await expectSettledEverywhere();
    expect(await shownTo(mia)).not.toHaveProperty('assignee');
  });

  test('a parent must exist, and closes no cycle', async () => {
    await shared();
    for (const id of ['t-2', 't-3']) await shared({}, id);
    await concurrently({ parent: 't-2' }, { parent: 't-3' });
    expect(await conflictOf('parent')).toMatchObject({
      shown: { value: 't-3' },
      others: [{ value: 't-2' }],
    });
    expect((await refused(resolve({ field: 'parent', value: 't-9' }))).code).toBe(
      'ISSUE_NOT_FOUND',
    );
    await mia('add_dependency', { issue_id: 't-2', depends_on_id: ID });
    expect((await refused(resolve({ field: 'parent', take: 'other' }))).code).toBe(
      'DEPENDENCY_CYCLE',
    );
    expect((await refused(resolve({ field: 'parent', value: 't-2' }))).code).toBe(
      'DEPENDENCY_CYCLE',
    );
    await mia('remove_dependency', { issue_id: 't-2', depends_on_id: ID });
    await resolve({ field: 'parent', value: '2' });
    await expectSettled({ parent: 't-2' });
    await concurrently({ parent: '' }, { parent: 't-3' });
    await resolve({ field: 'parent', take: 'other' });
    await expectSettledEverywhere();
    expect(await shownTo(mia)).not.toHaveProperty('parent');
  });

  test('a comment that two edited is settled by its text', async () => {
    await shared();
    const { comment } = await mia('add_comment', { issue_id: ID, text: 'Hello' });
    await world.exchange();
    const { entries } = world.mia.workspace.store.issues.state(ID) ?? { entries: new Map() };
    const key = [...entries.keys()].find((each) => each.startsWith('c/')) as string;
    const edit = (text: string): Write => ({ key, value: { ...comment, text } });
    write(world.mia, edit('Hello\nmia'));
    write(world.lee, edit('Hello\nlee'));
    await world.exchange();
    const field = `comment ${key.slice(2)}`;
    expect(await fieldsInConflict()).toEqual([field]);
    expect((await refused(resolve({ field, value: '' }))).code).toBe('INVALID_VALUE');
    expect((await refused(resolve({ field, value: null }))).text).toContain('cannot be empty');
    await resolve({ field, merge: true });
    await expectSettled({ comments: [{ text: 'Hello\nlee\nmia' }] });
    write(world.mia, edit('mia'));
    write(world.lee, edit('lee'));
    await world.exchange();
    await resolve({ field, value: 'Both' });
    await expectSettled({ comments: [{ text: 'Both', author: 'mia' }] });
  });

  test('keys that bd does not know, and those of the metadata, take any JSON', async () => {
    await shared({ metadata: { a: 1, b: 1 } });
    write(world.mia, { key: 'x:x_team', value: '{"n":1}' }, { key: 'm/a', value: '2' });
    write(world.lee, { key: 'x:x_team', value: '[2]' }, { key: 'm/a', value: '3' });
    await world.exchange();
    expect(await fieldsInConflict()).toEqual(['metadata.a', 'x_team']);
    expect((await conflictOf('x_team')).others[0]?.value).toEqual({ n: 1 });
    await resolve({ field: 'x_team', value: { n: [1, 2] } });
    await resolve({ field: 'metadata.a', take: 'other' });
    await expectSettled({ x_team: { n: [1, 2] }, metadata: { a: 2, b: 1 } });
  });

  test('a value must fit the field, as in update_issue', async () => {
    await shared();
    await concurrently(
      { priority: 0, title: 'mia', status: 'in_progress', due_at: '2030-01-01T00:00:00Z' },
      { priority: 1, title: 'lee', status: 'deferred', due_at: '2031-01-01T00:00:00Z' },
    );
    const wrong: readonly (readonly [string, unknown])[] = [
      ['priority', '1'],
      ['priority', 9],
      ['priority', null],
      ['title', ''],
      ['status', 'nonsense'],
      ['due_at', 'tomorrow'],
    ];
    for (const [field, value] of wrong) {
      expect((await refused(resolve({ field, value }))).code, field).toBe('INVALID_VALUE');
    }
    for (const choice of [{}, { take: 'winner', merge: true }, { take: 'winner', value: 1 }]) {
      expect((await refused(resolve({ field: 'title', ...choice }))).code).toBe('INVALID_VALUE');
    }
    await resolve({ field: 'due_at', value: null });
    expect(await fieldsInConflict()).toEqual(['priority', 'status', 'title']);
  });

  test('a field that is not in conflict is refused, and those that are, are named', async () => {
    await shared();
    await concurrently({ title: 'mia', description: 'mia' }, { title: 'lee', description: 'lee' });
    const { code, text } = await refused(resolve({ field: 'design', take: 'winner' }));
    expect(code).toBe('INVALID_VALUE');
    expect(text).toBe('design of t-1 is not in conflict\nIn conflict are: description, title.');
  });

  test('of two concurrent settlements one can be settled again', async () => {
    await shared();
    await concurrently({ title: 'mia' }, { title: 'lee' });
    await resolve({ field: 'title', take: 'winner' });
    await resolve({ field: 'title', take: 'other' }, lee);
    await world.exchange();
    expect(await fieldsInConflict()).toEqual(['title']);
    await resolve({ field: 'title', value: 'at last' });
    await expectSettled({ title: 'at last' });
  });
});

describe('metadata that was replaced as a whole hides what another wrote to a key', () => {
  const hide = async (): Promise<void> => {
    await shared({ metadata: { a: 1, b: 1 } });
    write(world.mia, { key: 'm/a', value: '2' });
    write(
      world.lee,
      { key: 'metadata', value: '{"z":1, "a":9}' },
      { key: 'm/a', value: undefined },
      { key: 'm/b', value: undefined },
    );
    await world.exchange();
  };

  test('what is shown is what the whole says there; the other is the hidden value', async () => {
    await hide();
    expect(await fieldsInConflict()).toEqual(['metadata.a']);
    const { shown, others } = await conflictOf('metadata.a');
    expect([shown.value, others[0]?.value]).toEqual([9, 2]);
    expect(shown.replica).toBe(world.lee.workspace.store.replica.id());
  });

  test('the winner leaves the whole as it is', async () => {
    await hide();
    expect((await resolve({ field: 'metadata.a', take: 'winner' })).value).toBe(9);
    await expectSettled({ metadata: { z: 1, a: 9 } });
  });

  test('the other, or a new value, goes into the whole', async () => {
    await hide();
    expect((await resolve({ field: 'metadata.a', take: '1' })).value).toBe(2);
    await expectSettled({ metadata: { z: 1, a: 2 } });
  });

  test('null takes the key out of the whole', async () => {
    await hide();
    await resolve({ field: 'metadata.a', value: null });
    await expectSettled({});
    expect((await shownTo(mia)) as unknown).toHaveProperty('metadata', { z: 1 });
  });

  test('without its last key it is empty, not gone', async () => {
    await shared({ metadata: { a: 1 } });
    write(world.mia, { key: 'm/a', value: '2' });
    write(world.lee, { key: 'metadata', value: '{"a": 9}' }, { key: 'm/a', value: undefined });
    await world.exchange();
    await resolve({ field: 'metadata.a', value: null });
    await expectSettledEverywhere();
    expect((await shownTo(lee)) as unknown).toHaveProperty('metadata', {});
  });

  test('while the whole is in conflict, or no object, nothing goes into it', async () => {
    await hide();
    write(world.mia, { key: 'metadata', value: '{"mia":1}' });
    write(world.lee, { key: 'metadata', value: '[1]' });
    await world.exchange();
    expect(await fieldsInConflict()).toEqual(['metadata', 'metadata.a']);
    const first = await refused(resolve({ field: 'metadata.a', take: 'other' }));
    expect(first.text).toContain('the metadata of t-1 is in conflict itself');
    await resolve({ field: 'metadata', value: [1, 2] });
    const second = await refused(resolve({ field: 'metadata.a', take: 'other' }));
    expect(second.text).toContain('no longer an object');
    await resolve({ field: 'metadata.a', take: 'winner' });
    await expectSettled({ metadata: [1, 2] });
  });

  test('taken as a whole, it leaves what is in conflict itself to be decided', async () => {
    await shared({ metadata: { a: 1, b: 1 } });
    write(world.mia, { key: 'metadata', value: '{"whole":1}' }, { key: 'm/a', value: '2' });
    write(world.lee, { key: 'metadata', value: undefined }, { key: 'm/a', value: '3' });
    await world.exchange();
    await resolve({ field: 'metadata', take: 'other' });
    expect(await fieldsInConflict()).toEqual(['metadata.a']);
    const { shown, others } = await conflictOf('metadata.a');
    expect([shown.value, ...others.map(({ value }) => value)]).toEqual([null, 3, 2]);
    await resolve({ field: 'metadata.a', take: '2' });
    await expectSettled({ metadata: { whole: 1, a: 2 } });
  });

  test('taken as a whole, it takes the place of the keys that were shown', async () => {
    await shared({ metadata: { a: 1 } });
    write(world.mia, { key: 'metadata', value: '"whole"' });
    write(world.lee, { key: 'metadata', value: undefined });
    await world.exchange();
    const { shown, others } = await conflictOf('metadata');
    expect([shown.value, others[0]?.value]).toEqual([{ a: 1 }, 'whole']);
    await resolve({ field: 'metadata', take: 'other' });
    await expectSettled({ metadata: 'whole' });
  });
});

describe('an issue that was deleted while others edited it', () => {
  const deleteWhileEdited = async (): Promise<void> => {
    await shared({ labels: ['api'] });
    await mia('delete_issues', { issue_ids: [ID] });
    await lee('update_issue', { issue_id: ID, changes: { title: 'lee', add_labels: ['web'] } });
    await world.exchange();
  };

  test('is listed, though it cannot be shown', async () => {
    await deleteWhileEdited();
    const { conflicts } = await lee('list_conflicts', { issue_id: '1' });
    expect(conflicts.map(({ field, kind, shown }) => [field, kind, shown.value])).toEqual([
      ['label web', 'edited-while-deleted', 'web'],
      ['title', 'edited-while-deleted', 'lee'],
    ]);
  });

  test('the winner leaves it deleted, now knowing all edits', async () => {
    await deleteWhileEdited();
    const { value } = await resolve({ field: 'title', take: 'winner' });
    expect(value).toMatchObject({ deleted: true, deleted_by: 'mia' });
    expect(value).not.toHaveProperty('seen');
    await world.exchange();
    for (const call of [mia, lee]) expect(await fieldsInConflict(call)).toEqual([]);
    expect((await refused(shownTo(lee))).text).toContain('bd restore t-1');
  });

  test('the other brings it back with all edits', async () => {
    await deleteWhileEdited();
    await resolve({ field: 'label web', take: 'other' }, lee);
    await expectSettled({ title: 'lee', status: 'open', labels: ['api', 'web'] });
  });

  test('a value, a merge or a number is refused with what to do', async () => {
    await deleteWhileEdited();
    for (const choice of [{ value: 'x' }, { merge: true }, { take: '1' }]) {
      const { code, text } = await refused(resolve({ field: 'title', ...choice }));
      expect(code).toBe('INVALID_VALUE');
      expect(text).toContain('bring it back');
    }
  });

  test('its other conflicts can be settled, as those of what it was before', async () => {
    await shared();
    await mia('close_issue', { issue_id: ID, reason: 'mia' });
    await lee('close_issue', { issue_id: ID, reason: 'lee' });
    await world.exchange();
    const { closed_at: closedAt } = await shownTo(mia);
    await mia('delete_issues', { issue_ids: [ID] });
    const { value } = await resolve({ field: 'status', value: 'closed' });
    expect(value).toEqual({ status: 'closed', closed_at: closedAt, close_reason: 'lee' });
    await world.exchange();
    expect(await fieldsInConflict(lee)).toEqual([]);
  });

  test('a late edit is told with the value that it does not know', async () => {
    await shared();
    await mia('update_issue', { issue_id: ID, changes: { title: 'mia' } });
    await mia('delete_issues', { issue_ids: [ID] });
    await lee('update_issue', { issue_id: ID, changes: { title: 'lee' } });
    await world.exchange();
    const { kind, shown, others } = await conflictOf('title');
    expect([kind, shown.value, ...others.map(({ value }) => value)]).toEqual([
      'edited-while-deleted',
      'lee',
      'mia',
    ]);
    await mia('restore_issue', { issue_id: ID });
    expect((await conflictOf('title')).kind).toBe('values');
  });

  test('whether it lives is settled before its other conflicts are', async () => {
    await shared();
    await concurrently({ title: 'mia' }, { title: 'lee' });
    await mia('delete_issues', { issue_ids: [ID] });
    await lee('update_issue', { issue_id: ID, changes: { description: 'late' } });
    await world.exchange();
    expect(await fieldsInConflict()).toEqual(['description', 'title']);
    const { text } = await refused(resolve({ field: 'title', take: 'winner' }));
    expect(text).toContain('the description of t-1 is in conflict itself');
    await resolve({ field: 'description', take: 'winner' });
    await resolve({ field: 'title', take: 'winner' });
    await world.exchange();
    for (const call of [mia, lee]) expect(await fieldsInConflict(call)).toEqual([]);
    await lee('restore_issue', { issue_id: ID });
    await expectSettled({ title: 'lee', description: 'late' });
  });

  test('values that differ wait until it is settled whether it lives', async () => {
    await shared();
    await concurrently({ title: 'mia' }, { title: 'lee' });
    await mia('delete_issues', { issue_ids: [ID] });
    await lee('update_issue', { issue_id: ID, changes: { description: 'lee' } });
    write(world.lee, { key: 'title', value: 'later' });
    await world.exchange();
    expect(await fieldsInConflict()).toEqual(['description', 'title']);
    await mia('restore_issue', { issue_id: ID });
    await expectSettled({ title: 'later', description: 'lee' });
  });
});

describe('edges that close a cycle together', () => {
  const closeCycle = async (type: string): Promise<void> => {
    await shared();
    await shared({}, 't-2');
    await lee('add_dependency', { issue_id: ID, depends_on_id: 't-2', type });
    await mia('add_dependency', { issue_id: 't-2', depends_on_id: ID, type });
    await world.exchange();
  };

  test.each(['blocks', 'parent-child'])('the later %s edge is listed and can go', async (type) => {
    await closeCycle(type);
    const listed = await mia('list_conflicts', {});
    expect(await lee('list_conflicts', {})).toEqual(listed);
    expect(listed.conflicts).toMatchObject([
      {
        issue_id: ID,
        field: `dependency ${type} t-2`,
        kind: 'cycle',
        shown: { value: null, written_at: null, replica: null },
        others: [{ replica: world.lee.workspace.store.replica.id() }],
      },
    ]);
    const field = `dependency ${type} t-2`;
    expect((await shownTo(mia)).conflicts).toEqual([field]);
    expect((await mia('sync_status', {})).conflicts).toBe(1);
    for (const choice of [{ take: 'other' }, { take: '1' }, { merge: true }, { value: null }]) {
      const { code, text } = await refused(resolve({ field, ...choice }));
      expect(code).toBe('INVALID_VALUE');
      expect(text).toContain('bd dep remove');
    }
    expect((await resolve({ field, take: 'winner' })).value).toBeNull();
    await expectSettled({});
    expect(await shownTo(mia)).not.toHaveProperty('dependencies');
  });

  test('an edge that is held twice, as parent and by its other name, goes wholly', async () => {
    await closeCycle('parent-child');
    const edge = { issue_id: ID, depends_on_id: 't-2', type: 'parent_child' };
    write(world.lee, { key: 'd/parent_child/t-2', value: edge });
    await world.exchange();
    await resolve({ field: 'dependency parent-child t-2', take: 'winner' });
    await expectSettledEverywhere();
    expect(await shownTo(lee)).not.toHaveProperty('dependencies');
  });

  test('a parent that is in conflict itself is settled first', async () => {
    await shared({}, 't-3');
    await closeCycle('parent-child');
    await concurrently({ parent: 't-3' }, { parent: '' });
    await resolve({ field: 'parent', take: 'other' });
    await world.exchange();
    const edge = { issue_id: ID, depends_on_id: 't-2', type: 'parent-child' };
    write(world.mia, { key: 'parent', value: { ...edge, depends_on_id: 't-3' } });
    write(world.lee, { key: 'parent', value: edge });
    await world.exchange();
    expect(await fieldsInConflict()).toEqual(['dependency parent-child t-2', 'parent']);
    const { text } = await refused(
      resolve({ field: 'dependency parent-child t-2', take: 'winner' }),
    );
    expect(text).toContain('the parent of t-1 is in conflict itself');
    await resolve({ field: 'parent', take: 'other' });
    await expectSettled({ parent: 't-3' });
  });

  test('a tree marks it from either end, and each edge of several between two issues', async () => {
    await closeCycle('blocks');
    const edge = { issue_id: ID, depends_on_id: 't-2', type: 'related' };
    write(world.mia, { key: 'd/related/t-2', value: edge });
    const tree = async (issue: string, direction: 'down' | 'up') => {
      const params = { issue_id: issue, direction, depth_max: 1 };
      const { nodes } = await mia('dependency_tree', params);
      return nodes.map(({ id, counts }) => `${id} ${counts}`).sort();
    };
    expect(await tree(ID, 'down')).toEqual(['t-1 true', 't-2 false', 't-2 true']);
    expect(await tree('t-2', 'up')).toEqual(['t-1 false', 't-1 true', 't-2 true']);
    expect(await tree('t-2', 'down')).toEqual(['t-1 true', 't-2 true']);
  });

  test('it counts again when another edge of the cycle goes', async () => {
    await closeCycle('blocks');
    await mia('remove_dependency', { issue_id: 't-2', depends_on_id: ID });
    await expectSettled({ dependencies: [{ id: 't-2' }] });
  });
});

describe('what only faulty tools or copies make', () => {
  /** Puts a second value beside the shown one, as if it had come from a join. */
  function addSibling(key: string, sibling: Partial<Sibling>): void {
    const { store, clock } = world.mia.workspace;
    const state = store.issues.state(ID);
    const [first] = state?.entries.get(key) ?? [];
    if (state === undefined || first === undefined) throw new Error(`${key} is not there`);
    const siblings = [first, { ...first, ...sibling }].sort(compareSiblings);
    const vector = new Map(state.vector);
    if (sibling.replica !== undefined) vector.set(sibling.replica, sibling.counter ?? 1);
    const entries = new Map(state.entries).set(key, siblings);
    store.transaction(() =>
      store.issues.put(encodeIssue({ ...state, vector, entries }), {
        kind: 'updated',
        actor: '',
        origin: 'import',
        atMs: clock.nowMs(),
      }),
    );
  }

  test('two writes with one dot are settled like other values', async () => {
    await shared();
    addSibling('title', { value: 'copy' });
    addSibling('priority', { value: 4 });
    expect(await conflictOf('title')).toMatchObject({ kind: 'duplicate-write' });
    await resolve({ field: 'title', take: 'other' });
    await resolve({ field: 'priority', value: 3 });
    await expectSettledEverywhere();
    expect((await shownTo(lee)).priority).toBe(3);
  });

  test('two creations are settled by one of them, not by another time', async () => {
    await shared();
    const other = { created_at: '2026-01-01T00:00:00Z', created_by: 'max' };
    addSibling('created', { replica: 'zzzzzz', counter: 1, value: other });
    expect(await conflictOf('created_at')).toMatchObject({ kind: 'id-collision' });
    const { text } = await refused(resolve({ field: 'created_at', value: '2026-01-01T00:00:00Z' }));
    expect(text).toContain('cannot be given a new value');
    expect((await resolve({ field: 'created_at', take: 'other' })).value).toEqual(other);
    await expectSettled({ created_by: 'max' });
  });
});

describe('restore_issue', () => {
  test('brings a deleted issue back with its content and edges', async () => {
    await shared({}, 't-2');
    await shared({ description: 'Long', labels: ['api'], dependencies: ['t-2'] });
    await mia('close_issue', { issue_id: ID, reason: 'done', force: true });
    const before = await shownTo(mia);
    await mia('delete_issues', { issue_ids: [ID] });
    await world.exchange();
    const { issue, changed } = await lee('restore_issue', { issue_id: '1' });
    expect(changed).toBe(true);
    expect(issue).toMatchObject({ id: ID, status: 'closed', description: 'Long' });
    expect(issue).not.toHaveProperty('deleted_at');
    await world.exchange();
    expect(await shownTo(mia)).toEqual({ ...before, updated_at: issue.updated_at });
    const { events } = await lee('read_events', {});
    expect(events.at(-1)).toMatchObject({ kind: 'restored', issue_id: ID, actor: 'lee' });
  });

  test('leaves a living issue as it is, and knows unknown ids', async () => {
    await shared();
    const { events: before } = await mia('read_events', {});
    expect((await mia('restore_issue', { issue_id: ID })).changed).toBe(false);
    expect((await mia('read_events', {})).events).toHaveLength(before.length);
    expect((await refused(mia('restore_issue', { issue_id: 't-none' }))).code).toBe(
      'ISSUE_NOT_FOUND',
    );
  });

  test('of edges that now close a cycle, one does not count', async () => {
    for (const id of ['t-2', 't-3']) await shared({}, id);
    await shared({ dependencies: ['t-2'] });
    await mia('delete_issues', { issue_ids: [ID] });
    await mia('add_dependency', { issue_id: 't-2', depends_on_id: 't-3' });
    await lee('add_dependency', { issue_id: 't-3', depends_on_id: ID });
    await world.exchange();
    expect(await fieldsInConflict()).toEqual([]);
    await mia('restore_issue', { issue_id: ID });
    expect((await mia('list_conflicts', {})).conflicts).toMatchObject([{ kind: 'cycle' }]);
  });
});

describe('a text in conflict', () => {
  test('keeps all its lines when a note is added', async () => {
    await shared({ notes: 'First' });
    await concurrently({ notes: 'Of Mia' }, { notes: 'Of Lee' });
    expect(await fieldsInConflict()).toEqual(['notes']);
    await mia('update_issue', { issue_id: ID, changes: { append_notes: 'Added' } });
    const { issue } = await mia('get_issue', { issue_id: ID });
    expect(issue.notes?.split('\n').sort()).toEqual(['Added', 'Of Lee', 'Of Mia']);
    expect(await fieldsInConflict()).toEqual([]);
  });

  test('is not decided by the deletion of an issue that it names', async () => {
    await shared({ description: 'First' });
    await mia('create_issue', { issue: { id: 't-2', title: 'Named' } });
    await mia('add_dependency', { issue_id: ID, depends_on_id: 't-2' });
    await world.exchange();
    await concurrently({ description: 'As t-2' }, { description: 'Like t-2' });
    await mia('delete_issues', { issue_ids: ['t-2'] });
    const { shown, others } = await conflictOf('description');
    expect([shown, ...others].map(({ value }) => value)).toEqual(['Like t-2', 'As t-2']);
  });
});
