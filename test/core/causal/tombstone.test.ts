import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import { isRequired } from '../../../src/core/causal/field-key.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { shrinkTombstone } from '../../../src/core/causal/tombstone.ts';
import { restoreWrite } from '../../../src/core/causal/write.ts';
import { TOMBSTONE_KEEP_MS } from '../../../src/core/limits.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';
import { play, skews, steps } from './history.ts';
import { BORN_MS, created, put, shown, throughLine, write } from './state.ts';

const GONE = put('deleted', { deleted: true, deleted_by: 'bob' });

test('a deleted issue drops its content, and shows when it could', () => {
  const small = shrinkTombstone(
    write(created({ notes: 'long', labels: ['x'] }), 'bbbbbb', 5, GONE),
  )!;
  expect(shown(small)).toEqual({
    id: 'a-1',
    title: 'first',
    status: 'tombstone',
    priority: 2,
    issue_type: 'task',
    created_at: '2026-01-01T00:00:00.000Z',
    created_by: 'mia',
    updated_at: new Date(BORN_MS + 5000 + TOMBSTONE_KEEP_MS).toISOString(),
    deleted_by: 'bob',
  });
  expect(shrinkTombstone(small)).toBeUndefined();
});

test('one that is alive, restored, or in conflict keeps all', () => {
  const full = created({ notes: 'long' });
  const deleted = write(full, 'bbbbbb', 5, GONE);
  expect(shrinkTombstone(full)).toBeUndefined();
  expect(shrinkTombstone(write(deleted, 'cccccc', 6, restoreWrite()))).toBeUndefined();
  const edited = write(full, 'cccccc', 6, put('notes', 'meanwhile'));
  expect(shrinkTombstone(joinStates(deleted, edited))).toBeUndefined();
});

test('clones that shrink one knowing more than the other agree', () => {
  const deleted = write(created({ notes: 'long' }), 'bbbbbb', 5, GONE);
  const more = write(deleted, 'cccccc', 9, put('l/x', undefined), GONE);
  const [first, second] = [deleted, more].map((state) => shrinkTombstone(state)!) as [
    IssueState,
    IssueState,
  ];
  const joined = joinStates(first, second);
  expect(joined).toEqual(joinStates(second, first));
  // Equal vectors would mean equal states, and this one still has a label.
  expect(joinStates(first, more).vector).not.toEqual(second.vector);
  expect(shrinkTombstone(joined)).toBeUndefined();
  expect(throughLine(joined)).toEqual(joined);
});

test(
  'whatever happened, only a deleted issue without conflicts shrinks, on every clone alike, and for good',
  () => {
    const deletion = fc.boolean();
    fc.assert(
      fc.property(steps, skews, deletion, (history, clocks, isDeleted) => {
        const [played, other] = play(history, clocks).map(({ state }) => state) as [
          IssueState,
          IssueState,
        ];
        const state = isDeleted ? write(played, 'eeeeee', 9, GONE) : played;
        const small = shrinkTombstone(state);
        expect(shrinkTombstone(throughLine(state))).toEqual(small);
        const isShrinkable =
          shown(state).status === 'tombstone' &&
          listConflicts(state).length === 0 &&
          [...state.entries.keys()].some((key) => !isRequired(key));
        expect(small !== undefined).toBe(isShrinkable);
        if (small === undefined) return;
        expect([...small.entries.keys()].every(isRequired)).toBe(true);
        expect(shown(small).status).toBe('tombstone');
        expect(listConflicts(small)).toEqual([]);
        expect(throughLine(small)).toEqual(small);
        expect(joinStates(small, state)).toEqual(small);
        const unseen = write(other, 'ffffff', 0, put('notes', 'unseen'));
        expect(shown(joinStates(small, unseen)).notes).toBe('unseen');
      }),
      propertyRuns(500),
    );
  },
  PROPERTY_TIMEOUT_MS,
);
