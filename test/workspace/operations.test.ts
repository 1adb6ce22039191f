import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPlace } from '../../src/place/workspace-place.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLog } from '../../src/platform/log.ts';
import type { Call } from '../../src/protocol/methods.ts';
import { createCall } from '../../src/workspace/operations/table.ts';
import { openWorkspace, type Workspace } from '../../src/workspace/workspace.ts';

let directory: string;
let workspace: Workspace;
let call: Call;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'bd-ops-'));
  const beadsDir = join(directory, '.beads');
  mkdirSync(beadsDir);
  writeFileSync(join(beadsDir, 'metadata.json'), '{"project_id":"p"}');
  writeFileSync(join(beadsDir, 'config.yaml'), 'issue_prefix: t\n');
  const env = { HOME: directory, PATH: process.env['PATH'], USER: 'mia' };
  workspace = await openWorkspace({
    place: openPlace(beadsDir),
    env,
    clock: systemClock,
    log: silentLog,
  });
  call = createCall(workspace);
});

afterEach(async () => {
  await workspace[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

async function create(title: string, fields: Record<string, unknown> = {}): Promise<string> {
  return (await call('create_issue', { issue: { title, ...fields } })).issue_id;
}

const refused = async (work: Promise<unknown>): Promise<{ code: string; message: string }> => {
  try {
    await work;
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('it was not refused');
};

describe('create_issue', () => {
  test('an issue has the defaults, its author and an id of the project', async () => {
    const { issue } = await call('create_issue', { issue: { title: 'First' } });
    expect(issue).toMatchObject({ status: 'open', priority: 2, issue_type: 'task' });
    expect(issue.created_by).toBe('mia');
    expect(issue.id).toMatch(/^t-[0-9a-z]{4}$/);
  });

  test('children are numbered, and the number of a deleted child is not used again', async () => {
    const parent = await create('Epic', { issue_type: 'epic' });
    expect(await create('a', { parent })).toBe(`${parent}.1`);
    expect(await create('b', { parent })).toBe(`${parent}.2`);
    await call('delete_issues', { issue_ids: [`${parent}.2`] });
    expect(await create('c', { parent })).toBe(`${parent}.3`);
    await create('chosen', { id: `${parent}.9` });
    expect(await create('d', { parent })).toBe(`${parent}.10`);
  });

  test('an edge named twice is refused, whatever its types: none silently replaces another', async () => {
    const parent = await create('Epic');
    const wanted = create('x', { parent, dependencies: [parent] });
    expect((await refused(wanted)).code).toBe('ALREADY_EXISTS');
  });

  test('a fourth level of children is refused', async () => {
    let parent = await create('root');
    for (let level = 0; level < 3; level++) parent = await create('child', { parent });
    expect(await refused(create('too deep', { parent }))).toMatchObject({ code: 'INVALID_VALUE' });
  });

  test('a preview writes nothing', async () => {
    const { issue } = await call('preview_issue', {
      issue: { title: 'Maybe', labels: ['b', 'a'] },
    });
    expect(issue).not.toHaveProperty('id');
    expect(issue.labels).toEqual(['a', 'b']);
    expect((await call('list_issues', {})).total).toBe(0);
  });

  test.each([
    [{ issue_type: 'story' }, 'invalid issue type "story"'],
    [{ status: 'sleeping' }, 'invalid status "sleeping"'],
    [{ status: 'tombstone' }, 'invalid status "tombstone"'],
    [{ due_at: 'soon' }, 'invalid due_at "soon"'],
    [{ id: '../up' }, '"../up" cannot be an issue id'],
    [{ dependencies: ['blocks:t-none'] }, 'no issue found matching "t-none"'],
    [{ parent: 't-none' }, 'no issue found matching "t-none"'],
    [{ priority: 5 }, 'create_issue.issue.priority is 5'],
  ])('%j is refused and leaves nothing behind', async (fields, message) => {
    expect((await refused(create('x', fields))).message).toContain(message);
    expect((await call('list_issues', {})).total).toBe(0);
    expect(workspace.store.outbox.pending().count).toBe(0);
  });

  test('an id is used once, also after its issue was deleted', async () => {
    const id = await create('one', { id: 't-one' });
    expect((await refused(create('two', { id }))).code).toBe('ALREADY_EXISTS');
    await call('delete_issues', { issue_ids: [id] });
    expect((await refused(create('two', { id }))).code).toBe('ALREADY_EXISTS');
  });
});

describe('list_issues', () => {
  test('a name that no issue has and none may have is refused; one that was imported is known', async () => {
    const list = (filter: object) => call('list_issues', { filter });
    expect((await refused(list({ statuses: ['bogus'] }))).message).toBe('invalid status "bogus"');
    expect((await refused(list({ issue_type: 'story' }))).message).toContain('"story"');
    await call('import', {
      lines: ['{"id":"a-1","title":"x","status":"bogus","issue_type":"story"}'],
    });
    expect((await list({ statuses: ['bogus'] })).total).toBe(1);
    expect((await list({ issue_type: 'story' })).total).toBe(1);
    expect((await list({ statuses: ['tombstone'] })).total).toBe(0);
  });
});

describe('finding an issue by part of its id', () => {
  test('without the prefix, or by its beginning; exact goes first', async () => {
    await create('one', { id: 't-a1' });
    await create('two', { id: 't-a12' });
    const find = async (text: string) => (await call('resolve_id', { issue_id: text })).issue_id;
    expect([await find('t-a1'), await find('a1'), await find('a12')]).toEqual([
      't-a1',
      't-a1',
      't-a12',
    ]);
    expect(await refused(find('a'))).toMatchObject({ code: 'AMBIGUOUS_ID' });
    expect(await refused(find('1'))).toMatchObject({ code: 'ISSUE_NOT_FOUND' });
    expect(await refused(find('%'))).toMatchObject({ code: 'ISSUE_NOT_FOUND' });
  });

  test('a deleted issue is named as such', async () => {
    const id = await create('gone');
    await call('delete_issues', { issue_ids: [id], actor: 'lee' });
    const { message } = await refused(
      call('update_issue', { issue_id: id, changes: { title: 'x' } }),
    );
    expect(message).toMatch(/no issue found matching .*deleted .* by lee/);
  });
});

describe('update_issue', () => {
  test('updated_at moves forward with every kind of change, and only then', async () => {
    const id = await create('x');
    const other = await create('y');
    const stamp = async () => (await call('get_issue', { issue_id: id })).issue.updated_at;
    const changes: (() => Promise<unknown>)[] = [
      () => call('update_issue', { issue_id: id, changes: { title: 'z' } }),
      () => call('add_label', { issue_id: id, label: 'l' }),
      () => call('add_comment', { issue_id: id, text: 'c' }),
      () => call('add_dependency', { issue_id: id, depends_on_id: other }),
      () => call('remove_dependency', { issue_id: id, depends_on_id: other }),
      () => call('claim_issue', { issue_id: id }),
      () => call('close_issue', { issue_id: id }),
      () => call('reopen_issue', { issue_id: id }),
    ];
    for (const change of changes) {
      const before = await stamp();
      await change();
      expect((await stamp()) > before, String(change)).toBe(true);
    }
    const last = await stamp();
    const { changed } = await call('update_issue', { issue_id: id, changes: { title: 'z' } });
    expect(changed).toEqual([]);
    expect(await stamp()).toBe(last);
  });

  test('an empty text clears a field', async () => {
    const id = await create('x', { assignee: 'lee', description: 'd' });
    const { issue, changed } = await call('update_issue', {
      issue_id: id,
      changes: { assignee: '', description: '' },
    });
    expect(changed.sort()).toEqual(['assignee', 'description']);
    expect(issue).not.toHaveProperty('assignee');
  });

  test('closed and closed_at go together, both ways', async () => {
    const id = await create('x');
    const closed = await call('update_issue', { issue_id: id, changes: { status: 'closed' } });
    expect(closed.issue.closed_at).toBeDefined();
    const open = await call('update_issue', { issue_id: id, changes: { status: 'in_progress' } });
    expect(open.issue).not.toHaveProperty('closed_at');
  });

  test('an issue moves between parents, and not below itself', async () => {
    const [a, b, child] = [await create('a'), await create('b'), await create('child')];
    const move = (issue_id: string, parent: string) =>
      call('update_issue', { issue_id, changes: { parent } });
    await move(child, a);
    await move(child, b);
    expect((await call('get_issue', { issue_id: child })).issue.parent).toBe(b);
    expect(await refused(move(b, child))).toMatchObject({ code: 'DEPENDENCY_CYCLE' });
    await move(child, '');
    expect((await call('get_issue', { issue_id: child })).issue.parent).toBeUndefined();
  });
});

describe('claim_issue', () => {
  test('of 32 claims at once, one wins, and the others learn who', async () => {
    const id = await create('x');
    const claims = Array.from({ length: 32 }, (_, index) =>
      call('claim_issue', { issue_id: id, actor: `agent-${index}` }),
    );
    const results = await Promise.allSettled(claims);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    const loser = results.find((result) => result.status === 'rejected')?.reason as Error;
    expect(loser.message).toMatch(/is claimed by agent-\d+/);
  });

  test('claiming again what is mine changes nothing; what is closed cannot be claimed', async () => {
    const id = await create('x');
    expect((await call('claim_issue', { issue_id: id })).changed).toBe(true);
    expect((await call('claim_issue', { issue_id: id })).changed).toBe(false);
    await call('close_issue', { issue_id: id });
    expect((await refused(call('claim_issue', { issue_id: id }))).message).toContain('is closed');
  });
});

describe('close_issue', () => {
  test('a blocked issue is refused with its blockers; closing those frees it', async () => {
    const blocker = await create('first');
    const id = await create('second', { dependencies: [blocker] });
    const error = await refused(call('close_issue', { issue_id: id }));
    expect(error.message).toBe(`cannot close ${id}: blocked by open issues [${blocker}]`);
    const { unblocked } = await call('close_issue', { issue_id: blocker });
    expect(unblocked.map((issue) => issue.id)).toEqual([id]);
    expect((await call('close_issue', { issue_id: id })).issue.close_reason).toBe('Closed');
    expect((await call('close_issue', { issue_id: id })).changed).toBe(false);
  });

  test('a reason to reopen becomes a comment', async () => {
    const id = await create('x');
    await call('close_issue', { issue_id: id, reason: 'done' });
    await call('reopen_issue', { issue_id: id, reason: 'not quite', actor: 'lee' });
    const { comments } = await call('list_comments', { issue_id: id });
    expect(comments).toMatchObject([{ author: 'lee', text: 'not quite' }]);
  });
});

describe('delete_issues', () => {
  test('what is left names the deleted issue as deleted, and no longer waits for it', async () => {
    const gone = await create('gone', { id: 't-a1' });
    const near = await create('near', {
      dependencies: [gone],
      description: 'See t-a1. Not t-a12, not t-a1.2, but (t-a1).',
    });
    const result = await call('delete_issues', { issue_ids: [gone] });
    expect(result).toMatchObject({
      deleted: ['t-a1'],
      dependencies_removed: 1,
      references_updated: 1,
    });
    const { issue } = await call('get_issue', { issue_id: near });
    expect(issue.description).toBe(
      'See [deleted:t-a1]. Not t-a12, not t-a1.2, but ([deleted:t-a1]).',
    );
    expect(issue).not.toHaveProperty('dependencies');
    expect((await call('list_ready', {})).issues.map(({ id }) => id)).toEqual([near]);
    expect((await call('list_issues', {})).total).toBe(1);
    expect(workspace.store.issues.get(gone)).toMatchObject({ status: 'tombstone', title: 'gone' });
  });

  test('all or none, and a dry run none', async () => {
    const id = await create('x');
    await refused(call('delete_issues', { issue_ids: [id, 't-none'] }));
    await call('delete_issues', { issue_ids: [id], dry_run: true });
    expect((await call('list_issues', {})).total).toBe(1);
  });

  test('with cascade, everything below goes too', async () => {
    const epic = await create('epic');
    const child = await create('child', { parent: epic });
    const grandchild = await create('grandchild', { parent: child });
    const { deleted } = await call('delete_issues', { issue_ids: [epic], cascade: true });
    expect(deleted).toEqual([epic, child, grandchild]);
  });
});

describe('dependencies', () => {
  test('no issue can be made to wait for itself, by whatever way', async () => {
    const [a, b, c] = [await create('a'), await create('b'), await create('c')];
    const link = (issue_id: string, depends_on_id: string, type = 'blocks') =>
      call('add_dependency', { issue_id, depends_on_id, type });
    expect((await refused(link(a, a))).message).toContain('cannot depend on itself');
    await link(a, b);
    await link(b, c, 'parent-child');
    expect(await refused(link(c, a, 'waits-for'))).toMatchObject({
      code: 'DEPENDENCY_CYCLE',
      details: { cycle: [c, a, b, c] },
    });
    await link(c, a, 'related');
    expect((await call('dependency_cycles', {})).cycles).toEqual([]);
  });

  test('no edge silently replaces another', async () => {
    const [a, b] = [await create('a'), await create('b')];
    const link = (type: string) => call('add_dependency', { issue_id: a, depends_on_id: b, type });
    expect((await link('blocks')).changed).toBe(true);
    expect((await link('blocks')).changed).toBe(false);
    expect((await refused(link('related'))).code).toBe('ALREADY_EXISTS');
  });

  test('a tree shows an issue once, unless all paths are asked for', async () => {
    const [d] = [await create('d')];
    const b = await create('b', { dependencies: [d] });
    const c = await create('c', { dependencies: [d] });
    const a = await create('a', { dependencies: [b, c] });
    const tree = async (all_paths: boolean) =>
      (await call('dependency_tree', { issue_id: a, all_paths })).nodes.map(
        ({ id, depth }) => `${depth}${id}`,
      );
    expect(new Set(await tree(false)).size).toBe(4);
    expect((await tree(true)).filter((node) => node === `2${d}`)).toHaveLength(2);
  });
});

test('a graph with a million paths does not hold the daemon up', async () => {
  let below: string[] = [];
  for (let level = 0; level < 20; level++) {
    const dependencies = below;
    below = [await create('left', { dependencies }), await create('right', { dependencies })];
  }
  const tree = { issue_id: below[0] ?? '', all_paths: true, status: 'closed' };
  expect((await call('dependency_tree', tree)).nodes).toHaveLength(1);
});

describe('settings', () => {
  test('a setting is kept beside a person’s comments, and named with its source', async () => {
    const path = workspace.place.configFile;
    writeFileSync(path, '# ours\nissue_prefix: t # short\nsync:\n  push: true\n');
    await call('set_config', { key: 'sync.push', value: 'false' });
    const { entries } = await call('explain_config', {});
    expect(entries.find(({ key }) => key === 'sync.push')).toEqual({
      key: 'sync.push',
      value: 'false',
      source: path,
    });
    expect(entries.find(({ key }) => key === 'sync.branch')?.source).toBe('default');
    await call('unset_config', { key: 'sync.push' });
    expect((await call('get_config', { key: 'sync.push' })).value).toBe('true');
  });

  test('a wrong value is refused before it is written', async () => {
    const error = await refused(call('set_config', { key: 'sync.push', value: 'maybe' }));
    expect(error.message).toContain('sync.push is "maybe"');
    expect((await call('list_config', {})).config).toEqual({ issue_prefix: 't' });
  });

  test('custom statuses and types are accepted once they are named', async () => {
    expect(await refused(create('x', { status: 'review' }))).toMatchObject({
      code: 'INVALID_VALUE',
    });
    await call('set_config', { key: 'status.custom', value: 'review, done-ish' });
    await create('x', { status: 'review' });
  });
});

describe('read_events', () => {
  test('every change is there once, with a stable id, from any position', async () => {
    const id = await create('x');
    await call('close_issue', { issue_id: id, actor: 'lee' });
    const first = await call('read_events', { limit: 2 });
    const second = await call('read_events', { after: first.next });
    expect([...first.events, ...second.events].map(({ kind, actor }) => [kind, actor])).toEqual([
      ['reset', ''],
      ['created', 'mia'],
      ['closed', 'lee'],
    ]);
    expect((await call('read_events', { limit: 2 })).events).toEqual(first.events);
    expect((await call('read_events', { after: second.next })).events).toEqual([]);
  });
});

test('a method that is not there is refused by name', async () => {
  const error = await refused(call('fly_away' as 'ping', {}));
  expect(error).toMatchObject({ code: 'UNKNOWN_METHOD', message: 'there is no method "fly_away"' });
});

test('a value that could not be read back is refused, and the issue stays unchanged', async () => {
  const { issue_id: id } = await call('create_issue', { issue: { title: 'Deep' } });
  let deep: unknown = 1;
  for (let level = 0; level < 200; level++) deep = { deep };
  await expect(call('update_issue', { issue_id: id, changes: { metadata: deep } })).rejects.toThrow(
    'nested',
  );
  expect((await call('get_issue', { issue_id: id })).issue.title).toBe('Deep');
});
