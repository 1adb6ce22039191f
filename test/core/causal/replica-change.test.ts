import { describe, expect, test } from 'vitest';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import type { IssueState, Sibling } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { divergedFrom, renameReplica } from '../../../src/core/causal/replica-change.ts';
import { tombstoneWrites } from '../../../src/core/causal/write.ts';
import { counterAt, covers, formatVector } from '../../../src/core/causal/dot.ts';
import { WRITE_MS_MAX } from '../../../src/core/limits.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns, remembered } from '../../support/property-runs.ts';
import { play, playAlone, skews, steps, type Step } from './history.ts';
import { created, joinAll, put, remove, shown, throughLine, write } from './state.ts';
import fc from 'fast-check';

const OWN = 'clone0';
const change = (after: number) => ({ from: OWN, after, to: 'nnnnnn' });

type Histories = [history: Step[], clocks: number[], here: Step[], there: Step[]];

/** What two copies of one database went on to write. */
const forks = fc.tuple(steps, skews, steps, steps).map(
  remembered(([history, clocks, here, there]: Histories): Fork => {
    const prefix = joinAll(...(play(history, clocks).map(({ state }) => state) as [IssueState]));
    const after = counterAt(prefix.vector, OWN);
    return {
      prefix,
      after,
      ours: playAlone(prefix, here, OWN),
      theirs: playAlone(prefix, there, OWN),
    };
  }),
);

type Fork = { prefix: IssueState; after: number; ours: IssueState; theirs: IssueState };

function property(name: string, check: (fork: Fork) => void): void {
  test(
    name,
    () => {
      fc.assert(fc.property(forks, check), propertyRuns(400));
    },
    PROPERTY_TIMEOUT_MS,
  );
}

/** Of the writes that a copy made on its own, those alive. */
function* news(state: IssueState, prefix: IssueState): Generator<[string, Sibling]> {
  for (const [key, siblings] of state.entries) {
    for (const sibling of siblings) if (!covers(prefix.vector, sibling)) yield [key, sibling];
  }
}

const siblingsOf = (state: IssueState, key: string) => state.entries.get(key) ?? [];

describe('the writes of a copied database under a new name', () => {
  property('stand beside those of the other copy, and nothing is lost', (fork) => {
    const { prefix, after, ours, theirs } = fork;
    const joined = joinStates(theirs, renameReplica(ours, change(after)));
    for (const [key, sibling] of news(theirs, prefix)) {
      expect(siblingsOf(joined, key)).toContainEqual(sibling);
    }
    for (const [key, { counter, ms }] of news(ours, prefix)) {
      const renamed = { replica: 'nnnnnn', counter: counter - after, ms };
      expect(siblingsOf(joined, key)).toContainEqual(expect.objectContaining(renamed));
    }
    expect(throughLine(joined)).toEqual(joined);
  });

  property(
    'know what was before them, and their line gives them back',
    ({ prefix, after, ours }) => {
      const renamed = renameReplica(ours, change(after));
      expect(joinStates(prefix, renamed)).toEqual(renamed);
      expect(throughLine(renamed)).toEqual(renamed);
      expect(counterAt(renamed.vector, OWN)).toBe(after);
      expect(counterAt(renamed.vector, 'nnnnnn')).toBe(counterAt(ours.vector, OWN) - after);
    },
  );

  property('keep their values, and a state without any is the same state', (fork) => {
    const { prefix, after, ours } = fork;
    const renamed = renameReplica(ours, change(after));
    const values = (state: IssueState) =>
      [...state.entries]
        .filter(([key]) => key !== 'deleted')
        .map(([key, siblings]) => [key, siblings.map(({ value }) => JSON.stringify(value)).sort()]);
    expect(values(renamed)).toEqual(values(ours));
    expect(renameReplica(prefix, change(after))).toBe(prefix);
  });
});

test(
  'renaming before a join is renaming after it',
  () => {
    const anywhere = fc.nat({ max: 12 });
    fc.assert(
      fc.property(steps, skews, anywhere, (history, clocks, after) => {
        const [a, b] = play(history, clocks).map(({ state }) => state) as [IssueState, IssueState];
        const renamed = renameReplica(joinStates(a, b), change(after));
        const parts = [a, b].map((state) => renameReplica(state, change(after)));
        expect(joinStates(parts[0]!, parts[1]!)).toEqual(renamed);
        expect(throughLine(renamed)).toEqual(renamed);
      }),
      propertyRuns(400),
    );
  },
  PROPERTY_TIMEOUT_MS,
);

test('siblings stand in the order of their new names', () => {
  const base = created();
  const joined = joinStates(
    write(base, OWN, 5, put('title', 'own')),
    write(base, 'eeeeee', 5, put('title', 'other')),
  );
  expect(siblingsOf(joined, 'title').map(({ value }) => value)).toEqual(['own', 'other']);
  const renamed = renameReplica(joined, change(0));
  expect(siblingsOf(renamed, 'title').map(({ value }) => value)).toEqual(['other', 'own']);
  expect(formatVector(renamed.vector)).toBe('aaaaaa.1 eeeeee.1 nnnnnn.1');
});

test('what a deleter knew is told in the new names', () => {
  const base = write(created(), OWN, 1, put('title', 'shared'));
  const edited = write(base, OWN, 2, put('notes', 'not shared'));
  const deleted = write(edited, OWN, 3, put('deleted', { deleted: true }));
  const renamed = renameReplica(deleted, change(1));
  expect(siblingsOf(renamed, 'deleted')[0]?.value).toEqual({
    deleted: true,
    seen: 'aaaaaa.1 clone0.1 nnnnnn.2',
  });
  expect(listConflicts(renamed)).toEqual([]);
  const other = write(base, OWN, 9, put('design', 'of the copy'));
  expect(listConflicts(joinStates(other, renamed)).map(({ key }) => key)).toEqual(['design']);
});

describe('a history is another one', () => {
  const shared = write(created(), OWN, 1, put('title', 'shared'), put('l/x', undefined));
  const own = (seconds: number, key: string, value: unknown) => (state: IssueState) =>
    write(state, OWN, seconds, put(key, value));
  const after = counterAt(shared.vector, OWN);
  const isDiverged = (ours: IssueState, theirs: IssueState) =>
    divergedFrom(ours, theirs, { replica: OWN, after });

  test.each([
    ['they know of more of our writes', shared, own(2, 'notes', 'a')(shared)],
    ['a write has another value there', own(2, 'notes', 'a')(shared), own(2, 'notes', 'b')(shared)],
    ['a write has another time there', own(2, 'notes', 'a')(shared), own(3, 'notes', 'a')(shared)],
    [
      'a write is of another key there',
      own(2, 'notes', 'a')(shared),
      own(2, 'design', 'a')(shared),
    ],
    ['a label is missing there', own(2, 'l/y', undefined)(shared), own(2, 'notes', 'a')(shared)],
    [
      'they have a field that we never wrote',
      own(3, 'title', 'b')(own(2, 'title', 'a')(shared)),
      own(2, 'notes', 'a')(shared),
    ],
    [
      'they have a later value of a field than we',
      own(3, 'priority', 1)(own(2, 'priority', 0)(shared)),
      own(2, 'title', 'x')(shared),
    ],
    [
      'all that we know of their field was written in the same instant',
      own(3, 'priority', 1)(own(2, 'priority', 0)(write(shared, 'bbbbbb', 2, put('notes', 'b')))),
      own(2, 'notes', 'a')(shared),
    ],
  ])('when %s', (_name, ours, theirs) => {
    expect(isDiverged(ours, theirs)).toBe(true);
  });

  test.each([
    ['both are equal', shared, shared],
    ['they do not know our last writes yet', own(2, 'notes', 'a')(shared), shared],
    [
      'they have an older version of ours',
      own(3, 'notes', 'b')(own(2, 'notes', 'a')(shared)),
      own(2, 'notes', 'a')(shared),
    ],
    [
      'others overwrote what was shared',
      own(2, 'notes', 'a')(shared),
      write(shared, 'bbbbbb', 2, put('title', 'b'), remove('l/x')),
    ],
    [
      'we removed what an older version of ours has',
      write(own(2, 'l/y', undefined)(shared), OWN, 3, remove('l/y')),
      own(2, 'l/y', undefined)(shared),
    ],
    ['we dropped the content of a deleted issue', shrunk(), own(2, 'notes', 'a')(shared)],
    [
      'we overwrote what was written at the end of time',
      endOfTime(own(3, 'notes', 'b')(endOfTime(shared))),
      endOfTime(shared),
    ],
  ])('but not when %s', (_name, ours, theirs) => {
    expect(isDiverged(ours, theirs)).toBe(false);
  });

  function shrunk(): IssueState {
    const deleted = own(3, 'deleted', { deleted: true })(own(2, 'notes', 'a')(shared));
    return write(deleted, OWN, 4, ...tombstoneWrites(deleted));
  }

  function endOfTime(state: IssueState): IssueState {
    return own((WRITE_MS_MAX - Date.parse('2026-01-01T00:00:00Z')) / 1000, 'notes', 'late')(state);
  }

  property('never where it is one', ({ prefix, after, ours }) => {
    expect(divergedFrom(ours, prefix, { replica: OWN, after })).toBe(false);
    expect(divergedFrom(ours, prefix, { replica: OWN, after: 0 })).toBe(false);
    expect(divergedFrom(ours, throughLine(ours), { replica: OWN, after: 0 })).toBe(false);
  });

  property('wherever a join would drop a write of ours', ({ prefix, after, ours, theirs }) => {
    const joined = joinStates(ours, theirs);
    const isLost = [...news(ours, prefix)].some(
      ([key, sibling]) =>
        !siblingsOf(joined, key).some(
          ({ ms, value }) => ms === sibling.ms && value === sibling.value,
        ),
    );
    if (isLost) expect(divergedFrom(ours, theirs, { replica: OWN, after })).toBe(true);
  });
});

test('a copy that was renamed shows its writes beside the other’s', () => {
  const base = created();
  const ours = write(base, OWN, 2, put('title', 'ours'));
  const theirs = write(base, OWN, 2, put('title', 'theirs'));
  const joined = joinStates(theirs, renameReplica(ours, change(0)));
  expect(shown(joined).title).toBe('ours');
  expect(listConflicts(joined)).toMatchObject([
    { key: 'title', kind: 'values', others: [{ value: 'theirs' }] },
  ]);
});
