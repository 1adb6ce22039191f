import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { liftIssue, liftStranger } from '../../../src/core/causal/lift.ts';
import { parseIssueLine } from '../../../src/core/issue-line.ts';
import type { Issue } from '../../../src/core/issue.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';
import { play, rewriteForeign, skews, steps } from './history.ts';
import { created, put, record, shown, throughLine, write } from './state.ts';

const FULL = {
  description: 'text',
  assignee: 'mia',
  labels: ['x'],
  dependencies: [{ issue_id: 'a-1', depends_on_id: 't', type: 'blocks' }],
  comments: [{ id: 1, author: 'mia', text: 'one', created_at: '2026-01-01T00:00:01Z' }],
  metadata: { a: 1 },
  pinned: true,
};
const LATER = '2026-03-01T00:00:00Z';

const stranger = (changes: Record<string, unknown>): Issue =>
  record({ ...FULL, updated_at: LATER, ...changes });

const keysOf = (state: IssueState | undefined) =>
  state === undefined ? undefined : [...state.entries.keys()];

function joined(current: IssueState, foreign: Issue): IssueState {
  const lifted = liftStranger(current, foreign);
  return lifted === undefined ? current : joinStates(current, lifted);
}

describe('of a version that was made from nobody knows what', () => {
  test.each([
    ['nothing new', {}, undefined],
    ['a title', { title: 'new' }, ['title']],
    ['a status', { status: 'in_progress' }, ['state']],
    ['a label more', { labels: ['x', 'y'] }, ['l/y']],
    ['other metadata', { metadata: { a: 1, b: 2 } }, ['m/b']],
    ['a deletion', { status: 'tombstone' }, ['deleted']],
    ['another creation', { created_at: '2025-01-01T00:00:00Z' }, undefined],
    ['another creator of the same birth', { created_by: 'bob' }, undefined],
    ['no creator', { created_by: undefined }, undefined],
    ['neither texts nor lists', { description: undefined, labels: [], comments: [] }, undefined],
    ['emptied texts and flags', { description: '', assignee: '', pinned: false }, undefined],
    ['no edges and metadata', { dependencies: [], metadata: undefined }, undefined],
  ])('%s is taken so', (_name, changes, keys) => {
    expect(keysOf(liftStranger(created(FULL), stranger(changes)))).toEqual(keys);
  });

  test('the news stand beside what is there, with the time of the record', () => {
    const current = write(created(FULL), 'bbbbbb', 5, put('title', 'ours'));
    const lifted = liftStranger(current, stranger({ title: 'theirs' }))!;
    const writer = lifted.entries.get('title')?.[0]?.replica ?? '';
    expect(writer).toMatch(/^[0-9a-z]{8}$/);
    expect(lifted).toEqual({
      id: 'a-1',
      vector: new Map([[writer, 1]]),
      entries: new Map([
        ['title', [{ replica: writer, counter: 1, ms: Date.parse(LATER), value: 'theirs' }]],
      ]),
      updatedAt: LATER,
    });
    const state = joinStates(current, lifted);
    expect(throughLine(state)).toEqual(state);
    expect(shown(state)).toMatchObject({ title: 'theirs', description: 'text', updated_at: LATER });
    expect(listConflicts(state)).toMatchObject([{ key: 'title', others: [{ value: 'ours' }] }]);
  });

  test('a deletion shows, with all that its writer may not have known; nothing restores one', () => {
    const state = joined(created(), stranger({ ...record(), status: 'tombstone' }));
    expect(shown(state).status).toBe('tombstone');
    expect(listConflicts(state).map(({ kind }) => kind)).toContain('edited-while-deleted');
    const deleted = write(created(FULL), 'bbbbbb', 5, put('deleted', { deleted: true }));
    expect(liftStranger(deleted, stranger({}))).toBeUndefined();
    expect(keysOf(liftStranger(deleted, stranger({ title: 'new' })))).toEqual(['title']);
  });

  test('what was written already, though it is not shown, is no news', () => {
    const current = joined(write(created(), 'bbbbbb', 5, put('claim', 'bob')), stranger({}));
    expect(shown(current).assignee).toBe('bob');
    expect(liftStranger(current, stranger({}))).toBeUndefined();
  });
});

test('clones that find other things new use other names, so neither hides what the other wrote', () => {
  const base = created();
  const foreign = stranger({ title: 'strange', notes: 'strange' });
  const here = write(base, 'bbbbbb', 5, put('title', 'strange'), put('notes', 'here'));
  const there = write(base, 'cccccc', 5, put('title', 'there'), put('notes', 'strange'));
  const parts = [here, there].map((current) => liftStranger(current, foreign)!);
  expect(parts.map((part) => part.entries.has('title'))).toEqual([false, true]);
  const together = joinStates(joined(here, foreign), joined(there, foreign));
  for (const part of parts) {
    for (const [key, [sibling]] of part.entries) {
      expect(together.entries.get(key)).toContainEqual(sibling);
    }
  }
  expect(liftStranger(throughLine(here), foreign)).toEqual(parts[0]);
});

test(
  'whatever is known, nothing of it goes; once taken in there is no more news',
  () => {
    fc.assert(
      fc.property(steps, skews, (history, clocks) => {
        const states = play(history, clocks).map(({ state }) => state);
        const [current, other] = states as [IssueState, IssueState];
        const foreign = rewriteForeign(shown(other));
        const after = joined(current, foreign);
        for (const [key, siblings] of current.entries) {
          expect(after.entries.get(key)).toEqual(expect.arrayContaining([...siblings]));
        }
        expect(throughLine(after)).toEqual(after);
        expect(liftStranger(after, foreign)).toBeUndefined();
        expect(encodeState(joined(throughLine(current), foreign))).toBe(encodeState(after));
        expect(liftStranger(current, rewriteForeign(shown(current)))).toBeUndefined();
      }),
      propertyRuns(500),
    );
  },
  PROPERTY_TIMEOUT_MS,
);

describe('a line that leaves out who made it, or when, says nothing of the creation', () => {
  const read = (fields: Record<string, unknown>): Issue => {
    const parsed = parseIssueLine(JSON.stringify({ id: 'a-1', title: 'first', ...fields }), 0);
    if ('problem' in parsed) throw new Error(parsed.problem);
    return parsed.issue;
  };
  test.each([
    ['neither', {}],
    ['only the last', { updated_at: LATER }],
    ['only the first', { created_at: '2026-01-01T01:00:00+01:00' }],
    ['both, but not who', { created_at: '2026-01-01T01:00:00+01:00', updated_at: LATER }],
  ])('%s', (_name, times) => {
    const foreign = read({ ...times, priority: 2, notes: 'new' });
    const base = created();
    for (const state of [liftIssue(base, foreign), joined(base, foreign)]) {
      expect(shown(state)).toMatchObject({
        notes: 'new',
        created_at: base.updatedAt,
        created_by: 'mia',
      });
      expect(listConflicts(state)).toEqual([]);
      expect(Date.parse(shown(state).updated_at)).toBeGreaterThanOrEqual(
        Date.parse(base.updatedAt),
      );
    }
  });

  test('unless it names who created it, at another time', () => {
    const foreign = read({ created_at: '2020-01-01T00:00:00Z', created_by: 'bob', priority: 2 });
    expect(shown(liftIssue(created(), foreign)).created_by).toBe('bob');
  });
});
