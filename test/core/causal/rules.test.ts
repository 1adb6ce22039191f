import { describe, expect, test } from 'vitest';
import { listConflicts, type Conflict } from '../../../src/core/causal/conflicts.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import type { IssueState, Value } from '../../../src/core/causal/issue-state.ts';
import { restoreWrite, tombstoneWrites, type Write } from '../../../src/core/causal/write.ts';
import type { Issue } from '../../../src/core/issue.ts';
import { created, joinAll, put, record, remove, shown, throughLine, write } from './state.ts';
import { separateCollision } from '../../../src/core/causal/id-collision.ts';
import { creationWrites } from '../../../src/core/causal/lift.ts';
import { createState } from '../../../src/core/causal/write.ts';

const THREE_YEARS_S = 3 * 365 * 86_400;

/** Each conflict as its key with the values that are not shown. */
function disputes(state: IssueState): Record<string, Value[]> {
  return Object.fromEntries(
    listConflicts(state).map(({ key, others }) => [key, others.map(({ value }) => value)]),
  );
}

const kinds = (state: IssueState): Conflict['kind'][] =>
  listConflicts(state).map(({ kind }) => kind);

/** What `bbbbbb` and `cccccc` write without knowing of each other, `cccccc` two seconds later. */
function concurrently(left: Write[], right: Write[], base: IssueState = created()): IssueState {
  const joined = joinStates(
    write(base, 'bbbbbb', 10, ...left),
    write(base, 'cccccc', 12, ...right),
  );
  expect(throughLine(joined)).toEqual(joined);
  return joined;
}

const edge = (target: string, type = 'blocks', more: object = {}) => ({
  issue_id: 'a-1',
  depends_on_id: target,
  type,
  ...more,
});

const CLOSED = { status: 'closed', closed_at: '2026-01-02T00:00:00Z', close_reason: 'done' };

describe('of two concurrent values one is shown and the other listed', () => {
  const cases: [string, Write[], Write[], Partial<Issue>, Record<string, Value[]>][] = [
    [
      'title: the later',
      [put('title', 'b')],
      [put('title', 'c')],
      { title: 'c' },
      { title: ['b'] },
    ],
    [
      'priority: the later',
      [put('priority', 0)],
      [put('priority', 4)],
      { priority: 4 },
      { priority: [0] },
    ],
    [
      'a long text: the later',
      [put('notes', 'b')],
      [put('notes', 'c')],
      { notes: 'c' },
      { notes: ['b'] },
    ],
    ['equal values: no conflict', [put('notes', 'b')], [put('notes', 'b')], { notes: 'b' }, {}],
    [
      'different fields: both',
      [put('title', 'b')],
      [put('priority', 1), put('l/x', undefined)],
      { title: 'b', priority: 1, labels: ['x'] },
      {},
    ],
    [
      'status: closed before in progress, with all that belongs to it',
      [put('state', CLOSED)],
      [put('state', { status: 'in_progress' })],
      CLOSED,
      { state: [{ status: 'in_progress' }] },
    ],
    [
      'status: in progress before blocked',
      [put('state', { status: 'in_progress' })],
      [put('state', { status: 'blocked' })],
      { status: 'in_progress' },
      { state: [{ status: 'blocked' }] },
    ],
    [
      'status: deferred before open',
      [put('state', { status: 'deferred' })],
      [put('state', { status: 'open' })],
      { status: 'deferred' },
      { state: [{ status: 'open' }] },
    ],
    [
      'status: of equal rank the later',
      [put('state', { status: 'blocked' })],
      [put('state', { status: 'deferred' })],
      { status: 'deferred' },
      { state: [{ status: 'blocked' }] },
    ],
    [
      'two who close alike agree, though not on the time',
      [put('state', CLOSED)],
      [put('state', { ...CLOSED, closed_at: '2026-01-03T00:00:00Z' })],
      { status: 'closed', closed_at: '2026-01-03T00:00:00Z' },
      {},
    ],
    [
      'a claim: the first',
      [put('claim', 'b')],
      [put('claim', 'c')],
      { assignee: 'b' },
      { claim: ['c'] },
    ],
    [
      'a claim against a release: the claim',
      [put('claim', undefined)],
      [put('claim', 'c')],
      { assignee: 'c' },
      { claim: [undefined] },
    ],
    [
      'the parent: the later, and one only',
      [put('parent', edge('p', 'parent-child'))],
      [put('parent', edge('q', 'parent-child'))],
      { dependencies: [edge('q', 'parent-child')] },
      { parent: [edge('p', 'parent-child')] },
    ],
    [
      'an edge that both add: once, the later payload, no conflict',
      [put('d/blocks/t', edge('t', 'blocks', { created_by: 'b' }))],
      [put('d/blocks/t', edge('t', 'blocks', { created_by: 'c' }))],
      { dependencies: [edge('t', 'blocks', { created_by: 'c' })] },
      {},
    ],
    [
      'an unknown key: the later',
      [put('x:future', '[1]')],
      [put('x:future', '[2]')],
      { opaque: { future: '[2]' } },
      { 'x:future': ['[1]'] },
    ],
    [
      'different members of the metadata: both',
      [put('m/a', '1')],
      [put('m/b', '2')],
      { opaque: { metadata: '{"a":1,"b":2}' } },
      {},
    ],
    [
      'metadata as a whole against members: the whole, the members listed',
      [put('metadata', '[1]')],
      [put('m/b', '2')],
      { opaque: { metadata: '[1]' } },
      { 'm/b': [] },
    ],
    [
      'a cleared field against an edit: the later',
      [put('notes', 'b')],
      [put('notes', undefined)],
      {},
      { notes: ['b'] },
    ],
  ];
  test.each(cases)('%s', (_name, left, right, expected, conflicts) => {
    const joined = concurrently(left, right);
    expect(shown(joined)).toMatchObject(expected);
    expect(shown(joined).dependencies).toEqual(expected.dependencies);
    expect(disputes(joined)).toEqual(conflicts);
  });
});

test('a write that has seen a value replaces it, though its clock is years behind', () => {
  const ahead = write(created(), 'bbbbbb', THREE_YEARS_S, put('title', 'from the future'));
  const after = write(ahead, 'cccccc', 1, put('title', 'now'));
  const joined = joinAll(after, ahead, created());
  expect(shown(joined).title).toBe('now');
  expect(listConflicts(joined)).toEqual([]);
  const once = joinStates(after, write(after, 'dddddd', 2, put('title', 'once more')));
  expect(shown(once).title).toBe('once more');
});

test('what replaces a value is later than it in the order of siblings, whatever the clock says', () => {
  const first = write(created(), 'bbbbbb', 50, put('title', 'b'));
  const base = write(first, 'cccccc', 1, put('title', 'c'));
  const joined = joinStates(base, write(first, 'dddddd', 40, put('notes', 'd')));
  const rival = joinStates(joined, write(created(), 'eeeeee', 20, put('title', 'e')));
  expect(shown(rival).title).toBe('c');
  expect(disputes(rival)).toEqual({ title: ['e'] });
});

test('a clock three years ahead shows its side of a conflict, and the other stays listed', () => {
  const base = created();
  const joined = joinStates(
    write(base, 'bbbbbb', THREE_YEARS_S, put('title', 'ahead')),
    write(base, 'cccccc', 1, put('title', 'right')),
  );
  expect(shown(joined).title).toBe('ahead');
  expect(disputes(joined)).toEqual({ title: ['right'] });
});

test('an issue that was reopened by a person who knew it was closed stays open', () => {
  const closed = write(created(), 'bbbbbb', 10, put('state', CLOSED));
  const reopened = write(closed, 'cccccc', 1, put('state', { status: 'open' }));
  const joined = joinStates(closed, reopened);
  expect(shown(joined).status).toBe('open');
  expect(shown(joined).closed_at).toBeUndefined();
  expect(listConflicts(joined)).toEqual([]);
});

describe('sets', () => {
  test('what one removes while another adds it again stays', () => {
    const joined = concurrently(
      [remove('l/x')],
      [put('l/x', undefined)],
      created({ labels: ['x'] }),
    );
    expect(shown(joined).labels).toEqual(['x']);
  });

  test('what one removes stays removed when the other only knew it', () => {
    const base = created({ labels: ['x', 'y'], dependencies: [edge('t')] });
    const joined = concurrently([remove('l/x'), remove('d/blocks/t')], [put('title', 'c')], base);
    expect(shown(joined).labels).toEqual(['y']);
    expect(shown(joined).dependencies).toBeUndefined();
  });

  test('two comments with one number both stay, in the order of their times', () => {
    const comment = (text: string, second: number) => ({
      id: 1,
      author: 'mia',
      text,
      created_at: `2026-01-01T00:00:0${second}Z`,
    });
    const joined = concurrently(
      [put('c/u1', comment('late', 9))],
      [put('c/u2', comment('early', 3))],
    );
    expect(shown(joined).comments?.map(({ text }) => text)).toEqual(['early', 'late']);
    expect(listConflicts(joined)).toEqual([]);
  });

  test('a comment that one edits while another removes it stays; two edits are a conflict', () => {
    const comment = { id: 1, author: 'mia', text: 'old', created_at: '2026-01-01T00:00:00Z' };
    const base = write(created(), 'aaaaaa', 1, put('c/u', comment));
    const edited = { ...comment, text: 'new' };
    expect(shown(concurrently([remove('c/u')], [put('c/u', edited)], base)).comments).toEqual([
      edited,
    ]);
    const twice = concurrently([put('c/u', { ...comment, text: 'b' })], [put('c/u', edited)], base);
    expect(shown(twice).comments).toEqual([edited]);
    expect(disputes(twice)).toEqual({ 'c/u': [{ ...comment, text: 'b' }] });
  });
});

describe('deletion', () => {
  const GONE = put('deleted', { deleted: true, deleted_by: 'bob', delete_reason: 'spam' });

  test('an edit made meanwhile, or later by one who did not know, does not bring the issue back', () => {
    const joined = concurrently([GONE], [put('title', 'edited'), put('state', CLOSED)]);
    expect(shown(joined)).toMatchObject({
      status: 'tombstone',
      deleted_by: 'bob',
      title: 'edited',
    });
    expect(listConflicts(joined).map(({ key, kind }) => [key, kind])).toEqual([
      ['state', 'edited-while-deleted'],
      ['title', 'edited-while-deleted'],
    ]);
  });

  test('restoring shows the issue as it was, with what was edited below', () => {
    const joined = concurrently([GONE], [put('title', 'edited'), put('state', CLOSED)]);
    const restored = write(throughLine(joined), 'dddddd', 20, restoreWrite());
    expect(shown(restored)).toMatchObject({ title: 'edited', ...CLOSED });
    expect(shown(restored).deleted_by).toBeUndefined();
    expect(listConflicts(restored)).toEqual([]);
    expect(shown(joinStates(joined, restored)).status).toBe('closed');
  });

  test('a deletion that the restorer did not know holds', () => {
    const deleted = write(created(), 'aaaaaa', 5, GONE);
    const joined = concurrently([GONE], [restoreWrite()], deleted);
    expect(shown(joined).status).toBe('tombstone');
    expect(disputes(joined)).toEqual({ deleted: [{ deleted: false }] });
  });

  test('a tombstone that shrank keeps what it must, and an old clone revives nothing', () => {
    const base = created({ notes: 'long', labels: ['x'], dependencies: [edge('t')] });
    const deleted = write(base, 'bbbbbb', 5, GONE);
    const small = write(deleted, 'bbbbbb', 9, ...tombstoneWrites(deleted));
    expect(shown(small)).toMatchObject({ status: 'tombstone', deleted_by: 'bob', title: 'first' });
    expect([...small.entries.keys()].sort()).toEqual([
      'created',
      'deleted',
      'issue_type',
      'priority',
      'state',
      'title',
    ]);
    const late = joinStates(small, write(base, 'cccccc', 900, put('notes', 'year later')));
    expect(shown(late)).toMatchObject({ status: 'tombstone', notes: 'year later' });
    expect(shown(late).labels).toBeUndefined();
    expect(kinds(throughLine(late))).toEqual(['edited-while-deleted']);
  });
});

test('updated_at moves forward with every write, whatever the clock says', () => {
  const ahead = write(created(), 'bbbbbb', THREE_YEARS_S, put('title', 'b'));
  const behind = write(ahead, 'cccccc', -THREE_YEARS_S, put('notes', 'c'));
  expect(Date.parse(shown(behind).updated_at)).toBe(Date.parse(shown(ahead).updated_at) + 1);
});

test('two writes with one dot are both kept, and reported', () => {
  const base = created();
  const joined = joinStates(
    write(base, 'bbbbbb', 10, put('title', 'original')),
    write(base, 'bbbbbb', 10, put('title', 'of the copy')),
  );
  expect(throughLine(joined)).toEqual(joined);
  expect(kinds(joined)).toEqual(['duplicate-dot']);
  expect(disputes(joined)['title']).toHaveLength(1);
});

describe('two issues with one id', () => {
  const createdBy = (replica: string, at: string, fields: Record<string, unknown>): IssueState => {
    const issue = record({ ...fields, created_at: at, updated_at: at });
    return createState(issue.id, creationWrites(issue), {
      replica,
      nowMs: Date.parse(at),
      updatedAt: at,
    });
  };
  const early = createdBy('zzzzzz', '2026-01-01T00:00:00Z', { title: 'early' });
  const late = createdBy('bbbbbb', '2026-01-01T00:00:05Z', { title: 'late' });

  test('both stay: the earlier keeps the id, the later gets one that all clones compute', () => {
    const separated = separateCollision(late, early);
    expect(separated?.kept).toBe(early);
    expect(separated?.moved.id).toMatch(/^a-1-[0-9a-z]{3}$/);
    expect(separateCollision(early, late)).toEqual(separated);
  });

  describe('what belongs to the moved one', () => {
    const words = { author: 'mia', created_at: '2026-01-01T00:00:05Z' };
    const rich = createdBy('bbbbbb', '2026-01-01T00:00:05Z', {
      dependencies: [edge('p', 'parent-child'), edge('t'), { ...edge('u'), issue_id: 'other' }],
      comments: [
        { id: 1, issue_id: 'a-1', text: 'one', ...words },
        { id: 2, text: 'two', ...words },
      ],
    });

    test('names its new id, by the same writes', () => {
      const { moved } = separateCollision(early, rich)!;
      const { dependencies, comments } = shown(moved);
      expect(dependencies?.map(({ issue_id: owner }) => owner)).toEqual([
        moved.id,
        moved.id,
        'other',
      ]);
      expect(comments?.map(({ issue_id: owner }) => owner)).toEqual([moved.id, undefined]);
      expect(moved.vector).toEqual(rich.vector);
      expect([...moved.entries.keys()]).toEqual([...rich.entries.keys()]);
      expect(throughLine(moved)).toEqual(moved);
      expect(separateCollision(rich, early)).toEqual({ kept: early, moved });
    });

    test('is joined into it when the old line comes again, and when it has gone on meanwhile', () => {
      const { moved } = separateCollision(early, rich)!;
      const again = separateCollision(write(early, 'zzzzzz', 9, put('title', 'new')), rich)!.moved;
      expect(joinStates(moved, again)).toEqual(moved);
      const further = write(
        moved,
        'cccccc',
        20,
        put('d/blocks/t', { ...edge('t'), issue_id: 'x' }),
      );
      expect(joinStates(further, again)).toEqual(further);
      const late = write(
        rich,
        'dddddd',
        30,
        put('parent', undefined),
        put('d/blocks/v', edge('v')),
      );
      const joined = joinStates(further, separateCollision(late, early)!.moved);
      expect(listConflicts(joined)).toEqual([]);
      expect(shown(joined).dependencies).toContainEqual({ ...edge('v'), issue_id: moved.id });
      expect(throughLine(joined)).toEqual(joined);
    });
  });

  test('one that knows the other is the same issue', () => {
    expect(separateCollision(early, write(early, 'bbbbbb', 9, put('title', 'x')))).toBeUndefined();
    expect(kinds(joinStates(early, late))).toContain('id-collision');
  });
});
