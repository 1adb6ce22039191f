import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { diffToWrites, liftFirst, liftIssue } from '../../../src/core/causal/lift.ts';
import { created, put, record, shown, throughLine, write } from './state.ts';

const FULL = {
  description: 'text',
  assignee: 'mia',
  labels: ['x', 'y'],
  dependencies: [edge('p', 'parent-child'), edge('t')],
  comments: [comment(1, 'one', 1), comment(2, 'two', 2)],
  metadata: { a: 1, b: 2 },
  future: { keep: [1.5] },
};

const writesFor = (changes: Record<string, unknown>) =>
  diffToWrites(created(FULL), record({ ...FULL, ...changes }));

describe('only what a foreign version changed becomes a write', () => {
  const closed = { status: 'closed', closed_at: '2026-02-01T00:00:00Z' };
  test.each([
    ['nothing', {}, []],
    ['only updated_at', { updated_at: '2027-01-01T00:00:00Z' }, []],
    ['a title', { title: 'new' }, [{ key: 'title', value: 'new' }]],
    ['a status', closed, [{ key: 'state', value: closed }]],
    [
      'a field that it left out',
      { description: undefined },
      [{ key: 'description', value: undefined }],
    ],
    ['an empty text where there was none', { notes: '', close_reason: '', pinned: false }, []],
    ['an empty value of an unknown key', { later: '' }, [{ key: 'x:later', value: '""' }]],
    ['an assignee taken away', { assignee: '' }, [{ key: 'claim', value: '' }]],
    [
      'labels',
      { labels: ['y', 'z'] },
      [
        { key: 'l/z', value: undefined },
        { key: 'l/x', removed: true },
      ],
    ],
    ['a key that it does not know', { future: undefined }, []],
    ['a key that it changed', { future: 2 }, [{ key: 'x:future', value: '2' }]],
    ['metadata that it does not know', { metadata: undefined }, []],
    [
      'members of the metadata',
      { metadata: { b: 3 } },
      [
        { key: 'm/b', value: '3' },
        { key: 'm/a', value: undefined },
      ],
    ],
    [
      'another parent',
      { dependencies: [edge('q', 'parent-child'), edge('t')] },
      [{ key: 'parent', value: edge('q', 'parent-child') }],
    ],
    [
      'a second parent',
      { dependencies: [...FULL.dependencies, edge('q', 'parent-child')] },
      [{ key: 'd/parent-child/q', value: edge('q', 'parent-child') }],
    ],
    ['the parent in other words', { dependencies: [edge('t'), edge('p', 'parent_child')] }, []],
    [
      'no edges',
      { dependencies: undefined },
      [
        { key: 'parent', value: undefined },
        { key: 'd/blocks/t', removed: true },
      ],
    ],
    ['comments with other numbers', { comments: [comment(8, 'two', 2), comment(9, 'one', 1)] }, []],
    ['a comment removed', { comments: [comment(2, 'two', 2)] }, [{ removed: true }]],
    [
      'a comment edited',
      { comments: [comment(1, 'ONE', 1), comment(2, 'two', 2)] },
      [{ value: comment(1, 'ONE', 1) }],
    ],
    [
      'a comment added',
      { comments: [...FULL.comments, comment(3, 'one', 1)] },
      [{ value: comment(3, 'one', 1) }],
    ],
    [
      'a deletion that keeps little',
      { status: 'tombstone', description: undefined, labels: [] },
      [{ key: 'deleted', value: { deleted: true } }],
    ],
  ])('%s', (_name, changes, expected) => {
    const writes = writesFor(changes);
    expect(writes).toHaveLength(expected.length);
    expect(writes).toMatchObject(expected);
  });
});

test('an edited comment keeps its uid, so the same edit elsewhere is no second comment', () => {
  const base = created(FULL);
  const foreign = record({ ...FULL, comments: [comment(1, 'ONE', 1), comment(2, 'two', 2)] });
  const here = liftIssue(base, foreign, { local: { replica: 'bbbbbb', nowMs: 5 } });
  const there = liftIssue(base, foreign, { local: { replica: 'cccccc', nowMs: 9 } });
  expect(shown(joinStates(here, there)).comments).toHaveLength(2);
  expect(shown(throughLine(here)).comments?.map(({ text }) => text)).toEqual(['ONE', 'two']);
  expect(throughLine(here)).toEqual(here);
});

test('nothing in a foreign line brings a deleted issue back', () => {
  const deleted = write(created(FULL), 'bbbbbb', 5, put('deleted', { deleted: true }));
  const stale = liftIssue(deleted, record({ ...FULL, title: 'stale' }), {
    local: { replica: 'cccccc', nowMs: 9 },
  });
  expect(shown(stale)).toMatchObject({ status: 'tombstone', title: 'stale' });
});

test('an edit made on an old version is concurrent to what that version did not know', () => {
  const base = created(FULL);
  const current = write(base, 'bbbbbb', 50, put('title', 'ours'), put('priority', 0));
  const lifted = liftIssue(base, record({ ...FULL, title: 'theirs' }), {
    local: { replica: 'cccccc', nowMs: 0 },
  });
  const joined = joinStates(current, lifted);
  expect(shown(joined)).toMatchObject({ title: 'ours', priority: 0 });
  expect(listConflicts(joined).map(({ key, others }) => [key, others[0]?.value])).toEqual([
    ['title', 'theirs'],
  ]);
});

test('a clone lifts as itself only while the old version knows all of its own writes', () => {
  const base = created(FULL);
  const current = write(base, 'aaaaaa', 50, put('priority', 0));
  const foreign = record({ ...FULL, title: 'theirs' });
  const local = { replica: 'aaaaaa', nowMs: 7 };
  expect(writerOf(liftIssue(base, foreign, { local }))).toBe('aaaaaa');
  const lifted = liftIssue(base, foreign, { current, local });
  expect(writerOf(lifted)).toMatch(/^[0-9a-z]{8}$/);
  const joined = joinStates(current, lifted);
  expect(shown(joined)).toMatchObject({ title: 'theirs', priority: 0 });
  expect(listConflicts(joined)).toEqual([]);
});

test('clones that lift one version, or one clone at different times, make the same writes', () => {
  const base = created(FULL);
  const foreign = record({ ...FULL, title: 'theirs' });
  const current = write(base, 'aaaaaa', 50, put('priority', 0));
  const first = liftIssue(base, foreign);
  expect(liftIssue(base, foreign, { current, local: { replica: 'aaaaaa', nowMs: 7 } })).toEqual(
    first,
  );
  expect(writerOf(liftIssue(base, { ...foreign, title: 'others' }))).not.toBe(writerOf(first));
});

test('clones that lift one classic line on their own make the same state', () => {
  expect(encodeState(liftFirst(record(FULL)))).toBe(encodeState(liftFirst(record(FULL))));
  const edited = liftFirst(
    record({ ...FULL, title: 'edited', updated_at: '2026-03-01T00:00:00Z' }),
  );
  const joined = joinStates(liftFirst(record(FULL)), edited);
  expect(shown(joined).title).toBe('edited');
  expect(listConflicts(joined).map(({ key }) => key)).toEqual(['title']);
});

test('the newer updated_at of a foreign edit is kept word for word; an older one moves ours forward', () => {
  const lift = (updatedAt: string) =>
    shown(
      liftIssue(created(), record({ title: 'x', updated_at: updatedAt }), {
        local: { replica: 'bbbbbb', nowMs: 0 },
      }),
    ).updated_at;
  expect(lift('2026-05-01T02:00:00.123456+02:00')).toBe('2026-05-01T02:00:00.123456+02:00');
  expect(lift('2020-01-01T00:00:00Z')).toBe('2026-01-01T00:00:00.001Z');
});

function writerOf(state: IssueState): string | undefined {
  return state.entries.get('title')?.[0]?.replica;
}

function edge(target: string, type = 'blocks') {
  return { issue_id: 'a-1', depends_on_id: target, type };
}

function comment(id: number, text: string, second: number) {
  return { id, author: 'mia', text, created_at: `2026-01-01T00:00:0${second}Z` };
}
