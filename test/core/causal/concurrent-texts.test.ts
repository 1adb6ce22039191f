import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { mergeConcurrentTexts } from '../../../src/core/causal/concurrent-texts.ts';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { liftStranger } from '../../../src/core/causal/lift.ts';
import { TEXT_CHARS_MAX, TEXT_MERGE_REPLICAS_MAX } from '../../../src/core/limits.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';
import { play, skews, steps } from './history.ts';
import { created, put, record, remove, shown, throughLine, write } from './state.ts';

const BASE = created({ description: 'a\nb\nc\n', notes: 'old' });

const edited = (replica: string, seconds: number, description: string, base = BASE) =>
  write(base, replica, seconds, put('description', description));

function merge(ours: IssueState, theirs: IssueState, ...bases: IssueState[]): IssueState {
  return mergeConcurrentTexts(joinStates(ours, theirs), { ours, theirs, bases });
}

const left = edited('bbbbbb', 10, 'A\nb\nc\n');
const right = edited('cccccc', 5, 'a\nb\nC\n');

describe('changes of different lines', () => {
  test('become one text, which ends the conflict', () => {
    const merged = merge(left, right, BASE);
    expect(shown(merged).description).toBe('A\nb\nC\n');
    expect(listConflicts(merged)).toEqual([]);
    const [only] = merged.entries.get('description') ?? [];
    expect(only).toMatchObject({ counter: 1, ms: left.entries.get('description')![0]!.ms + 1 });
    expect(only?.replica).toMatch(/^[0-9a-z]{8}$/);
    expect(throughLine(merged)).toEqual(merged);
    expect(joinStates(joinStates(merged, left), right)).toEqual(merged);
  });

  test('become the same write on every clone, whatever else it knows', () => {
    const here = write(left, 'bbbbbb', 20, put('priority', 0));
    const there = write(right, 'dddddd', 90, put('title', 'else'), put('l/x', undefined));
    const parts = [merge(left, right, BASE), merge(there, here, BASE), merge(right, here, BASE)];
    const writes = new Set(parts.map((part) => JSON.stringify(part.entries.get('description'))));
    expect(writes.size).toBe(1);
    const [first, second, third] = parts as [IssueState, IssueState, IssueState];
    const line = encodeState(joinStates(joinStates(first, second), third));
    expect(encodeState(joinStates(joinStates(third, first), second))).toBe(line);
    expect(encodeState(merge(third, joinStates(first, second), BASE))).toBe(line);
    expect(listConflicts(joinStates(first, second))).toEqual([]);
  });

  test('stay two where an issue has so many writers that merges are to leave room for others', () => {
    const known = (count: number): IssueState => {
      const names = Array.from({ length: count }, (_, at) => [`w${at}`, 1] as const);
      return { ...BASE, vector: new Map([...BASE.vector, ...names]) };
    };
    const mergedFrom = (base: IssueState): IssueState => {
      const [here, there] = [
        edited('bbbbbb', 10, 'A\nb\nc\n', base),
        edited('cccccc', 5, 'a\nb\nC\n', base),
      ];
      const merged = merge(here, there, base);
      expect(merge(there, here, base)).toEqual(merged);
      return merged;
    };
    // With the creator and both editors.
    const last = mergedFrom(known(TEXT_MERGE_REPLICAS_MAX - 4));
    expect(listConflicts(last)).toEqual([]);
    expect(last.vector.size).toBe(TEXT_MERGE_REPLICAS_MAX);
    const full = mergedFrom(known(TEXT_MERGE_REPLICAS_MAX - 3));
    expect(listConflicts(full)).toMatchObject([{ key: 'description' }]);
    expect(full.vector.size).toBe(TEXT_MERGE_REPLICAS_MAX);
  });

  test('of several texts are merged each', () => {
    const here = write(left, 'bbbbbb', 20, put('notes', 'old\nhere'));
    const there = write(right, 'cccccc', 15, put('notes', 'old\nthere'));
    const merged = merge(here, there, BASE);
    expect(shown(merged)).toMatchObject({
      description: 'A\nb\nC\n',
      notes: 'old\nthere\nhere',
    });
    expect(merge(there, here, BASE)).toEqual(merged);
    expect(throughLine(merged)).toEqual(merged);
  });
});

describe('a conflict stays', () => {
  const stays = (ours: IssueState, theirs: IssueState, ...bases: IssueState[]): void => {
    const joined = joinStates(ours, theirs);
    expect(mergeConcurrentTexts(joined, { ours, theirs, bases })).toBe(joined);
    expect(mergeConcurrentTexts(joined, { ours: theirs, theirs: ours, bases })).toBe(joined);
  };

  test('where no earlier text is known', () => stays(left, right));

  test('where the known one is not what both were made from', () => {
    stays(left, right, left, right, edited('dddddd', 1, 'a\nb\nc\nd\n'));
  });

  test('where only one side was made from the known one', () => {
    const base = created({ description: '1\n2\n3\n4\n5\n' });
    const between = edited('bbbbbb', 4, '1\n2\n3\n4\nB\n', base);
    const on = edited('bbbbbb', 10, 'A\n2\n3\n4\nB\n', between);
    const other = edited('cccccc', 5, '1\n2\nC\n4\n5\n', base);
    stays(on, other, between);
    expect(shown(merge(on, other, between, base)).description).toBe('A\n2\nC\n4\nB\n');
  });

  test('where lines overlap or touch', () => stays(left, edited('cccccc', 5, 'a\nB\nc\n'), BASE));

  test('with a third text', () => {
    const third = joinStates(right, edited('dddddd', 7, 'a\nb\nc\nd\n'));
    stays(left, third, BASE);
  });

  test('where one was emptied', () => {
    stays(left, write(BASE, 'cccccc', 5, put('description', undefined)), BASE);
  });

  test('of texts that are no long ones', () => {
    const one = write(BASE, 'bbbbbb', 5, put('title', 'a\nb\n1'), put('x:u', '1'));
    stays(one, write(BASE, 'cccccc', 5, put('title', '2\nb\nc'), put('x:u', '2')), BASE);
  });

  test('of two writes with one dot', () => {
    stays(left, write(BASE, 'bbbbbb', 10, put('description', 'a\nb\nC\n')), BASE);
  });

  test('in a deleted issue', () => {
    const deleted = write(left, 'dddddd', 30, put('deleted', { deleted: true }));
    stays(deleted, right, BASE);
  });

  test('where the outcome would be longer than a text may be', () => {
    const half = 'x'.repeat(TEXT_CHARS_MAX / 2);
    const [one, two] = ['b', 'c'].map((name) =>
      write(BASE, name.repeat(6), 5, put('notes', `old\n${half}${name}`)),
    ) as [IssueState, IssueState];
    stays(one, two, BASE);
  });

  test('where a base is older than what both know, since one may have taken back what came between', () => {
    const between = edited('dddddd', 3, 'a\nNEW\nc\n');
    const back = edited('bbbbbb', 10, 'a\nb\nc\n', between);
    const on = edited('cccccc', 12, 'a\nNEW\nc\nmore\n', between);
    stays(back, on, BASE);
    expect(shown(merge(back, on, between, BASE)).description).toBe('a\nb\nc\nmore\n');
  });
});

describe('texts of an issue that had none', () => {
  const bare = created();
  const first = write(bare, 'bbbbbb', 5, put('notes', 'one'), put('design', 'one'));
  const second = write(bare, 'cccccc', 9, put('notes', 'two'), put('design', 'two'));

  test('notes stand one below the other, other texts are a conflict', () => {
    const merged = merge(second, first, bare);
    expect(shown(merged).notes).toBe('one\ntwo');
    expect(listConflicts(merged).map(({ key }) => key)).toEqual(['design']);
  });

  test('are not known to have begun with nothing if one side is a stranger', () => {
    const lifted = liftStranger(first, record({ notes: 'one\nmore' }))!;
    const joined = joinStates(first, lifted);
    expect(mergeConcurrentTexts(joined, { ours: first, theirs: lifted, bases: [bare] })).toBe(
      joined,
    );
  });

  test('a cleared text was nothing, too', () => {
    const cleared = write(bare, 'bbbbbb', 3, put('notes', undefined));
    const one = write(cleared, 'bbbbbb', 5, put('notes', 'one'));
    expect(shown(merge(one, write(cleared, 'cccccc', 9, put('notes', 'two')), cleared)).notes).toBe(
      'one\ntwo',
    );
  });
});

test('bases are asked for only when two long texts are in conflict', () => {
  const bases = {
    *[Symbol.iterator]() {
      yield* [];
      throw new Error('asked');
    },
  };
  const theirs = write(BASE, 'cccccc', 5, put('title', 'new'), remove('l/x'));
  const joined = joinStates(left, theirs);
  expect(mergeConcurrentTexts(joined, { ours: left, theirs, bases })).toBe(joined);
});

test(
  'whatever was written, a merge loses no other key, tells a line and converges',
  () => {
    const kept = fc.nat({ max: 40 });
    fc.assert(
      fc.property(steps, steps, skews, kept, (before, after, clocks, at) => {
        const earlier = play(before, clocks).map(({ state }) => state);
        const later = play([...before, ...after], clocks).map(({ state }) => state);
        const [ours, theirs] = [later[at % 4]!, later[(at + 1) % 4]!];
        const bases = [...earlier, joinStates(earlier[0]!, earlier[1]!)];
        const joined = joinStates(ours, theirs);
        const merged = mergeConcurrentTexts(joined, { ours, theirs, bases });
        const other = mergeConcurrentTexts(joinStates(theirs, ours), {
          ours: theirs,
          theirs: ours,
          bases: [...bases].reverse(),
        });
        expect(encodeState(other)).toBe(encodeState(merged));
        expect(throughLine(merged)).toEqual(merged);
        expect(joinStates(merged, joined)).toEqual(merged);
        for (const [key, siblings] of joined.entries) {
          if (merged.entries.get(key) === siblings) continue;
          expect(siblings).toHaveLength(2);
          expect(merged.entries.get(key)).toHaveLength(1);
        }
      }),
      propertyRuns(400),
    );
  },
  PROPERTY_TIMEOUT_MS,
);
