import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { separateCollision } from '../../../src/core/causal/id-collision.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { creationWrites } from '../../../src/core/causal/lift.ts';
import { createState } from '../../../src/core/causal/write.ts';
import { isIssueId } from '../../../src/core/issue-id.ts';
import { put, record, shown, write } from './state.ts';

describe('two issues with one id', () => {
  const born = (replica: string, at: string, ms = Date.parse(at), id = 'a-1'): IssueState => {
    const issue = record({ id, title: replica, created_at: at, updated_at: at });
    return createState(issue.id, creationWrites(issue), { replica, nowMs: ms, updatedAt: at });
  };
  const first = born('aaaaaa', '2026-01-01T00:00:00Z');
  const second = born('bbbbbb', '2026-01-01T00:00:05Z');
  const third = born('cccccc', '2026-01-01T00:00:09Z');

  /** A clone's issues by id, with one more that came in. */
  function take(
    known: ReadonlyMap<string, IssueState>,
    incoming: IssueState,
  ): Map<string, IssueState> {
    const mine = known.get(incoming.id);
    if (mine === undefined) return new Map(known).set(incoming.id, incoming);
    const apart = separateCollision(mine, incoming);
    if (apart === undefined) return new Map(known).set(mine.id, joinStates(mine, incoming));
    return take(new Map(known).set(apart.kept.id, apart.kept), apart.moved);
  }
  const takeAll = (...states: IssueState[]) =>
    states.reduce<ReadonlyMap<string, IssueState>>(take, new Map());
  const lines = (known: ReadonlyMap<string, IssueState>) =>
    [...known.values()].map(encodeState).sort();

  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ] as const;

  test('three clones end with the same three, in whatever order they meet', () => {
    const all = [first, second, third] as const;
    for (const [a, b, c] of orders) {
      const here = takeAll(all[a], all[b], all[c]);
      expect(here.size).toBe(3);
      expect(lines(here)).toEqual(lines(takeAll(...all)));
    }
  });

  test('who edits the one that kept the id, having made the other, does not merge them', () => {
    // The maker of the second writes to the first with the number that its own creation had.
    const edited = write(first, 'bbbbbb', 60, put('priority', 0));
    const behind = write(second, 'cccccc', 70, put('notes', 'late'));
    const clone = takeAll(behind, edited);
    expect(clone.size).toBe(2);
    expect(shown(clone.get('a-1')!)).toMatchObject({ title: 'aaaaaa', priority: 0 });
    const [moved] = [...clone.values()].filter(({ id }) => id !== 'a-1');
    expect(shown(moved!)).toMatchObject({ title: 'bbbbbb', notes: 'late' });
    expect(lines(takeAll(edited, behind))).toEqual(lines(clone));
  });

  test('versions of one issue go one way, though each was lifted for itself', () => {
    const at = '2026-01-01T00:00:05Z';
    const [early, late] = [born('dddddd', at, 5), born('eeeeee', at, 2e12)];
    const here = takeAll(early, first);
    const there = takeAll(late, first);
    expect([...here.keys()]).toEqual([...there.keys()]);
    expect(lines(takeAll(...here.values(), ...there.values()))).toEqual(
      lines(takeAll(first, early, late)),
    );
  });

  test('the moved one’s id is an id, however long it was', () => {
    const id = `a-${'x'.repeat(198)}`;
    const apart = separateCollision(
      born('aaaaaa', '2026-01-01T00:00:00Z', 0, id),
      born('bbbbbb', '2026-01-01T00:00:05Z', 0, id),
    );
    expect(isIssueId(apart?.moved.id ?? '')).toBe(true);
    expect(apart?.moved.id).not.toBe(apart?.kept.id);
  });
});
