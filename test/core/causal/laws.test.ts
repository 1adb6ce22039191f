import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { listConflicts } from '../../../src/core/causal/conflicts.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import type { Deletion, IssueState, Sibling } from '../../../src/core/causal/issue-state.ts';
import { diffToWrites, liftFirst, liftIssue } from '../../../src/core/causal/lift.ts';
import { viewIssue } from '../../../src/core/causal/view.ts';
import { parseIssueLine } from '../../../src/core/issue-line.ts';
import { compareTimestamps } from '../../../src/core/timestamp.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns, remembered } from '../../support/property-runs.ts';
import {
  aliveInModel,
  aliveInState,
  blindSteps,
  play,
  rewriteForeign,
  skews,
  steps,
  type Clone,
} from './history.ts';
import { classicPart, joinAll, shown, throughLine } from './state.ts';

const played = remembered(play);

function property(name: string, usual: number, check: (clones: Clone[]) => void): void {
  test(
    name,
    () => {
      fc.assert(
        fc.property(steps, skews, (history, clocks) => check(played(history, clocks))),
        propertyRuns(usual),
      );
    },
    PROPERTY_TIMEOUT_MS,
  );
}

const states = (clones: readonly Clone[]): [IssueState, IssueState, IssueState, IssueState] =>
  clones.map(({ state }) => state) as [IssueState, IssueState, IssueState, IssueState];

function expectEqual(left: IssueState, right: IssueState): void {
  expect(encodeState(left)).toBe(encodeState(right));
  expect(left.vector).toEqual(right.vector);
  expect(new Map(left.entries)).toEqual(new Map(right.entries));
}

property(
  'join is commutative, associative, idempotent, and absorbs what it knows',
  600,
  (clones) => {
    const [a, b, c] = states(clones);
    const joined = joinStates(a, b);
    expectEqual(joined, joinStates(b, a));
    expectEqual(joinStates(joined, c), joinStates(a, joinStates(b, c)));
    expectEqual(joinStates(a, a), a);
    expectEqual(joinStates(a, joined), joined);
    expectEqual(joinStates(joined, b), joined);
  },
);

property(
  'clones that know the same writes have equal bytes, in whatever order they came',
  600,
  (clones) => {
    const [a, b, c, d] = states(clones);
    const one = joinAll(a, b, c, d);
    const other = joinAll(throughLine(joinStates(d, b)), joinStates(throughLine(c), a), b);
    expectEqual(one, other);
    expect(listConflicts(one)).toEqual(listConflicts(other));
  },
);

property('a line gives back its state, and the state its line', 600, (clones) => {
  for (const state of states(clones)) expectEqual(throughLine(state), state);
  const joined = joinAll(...states(clones));
  expectEqual(throughLine(joined), joined);
});

property(
  'a write is alive until some write that knew of it replaced it, and no longer',
  800,
  (clones) => {
    for (const clone of clones) expect(aliveInState(clone)).toEqual(aliveInModel(clone));
  },
);

property('what is alive is shown, or in the list of conflicts', 600, (clones) => {
  for (const { state } of clones) {
    const { hidden } = viewIssue(state);
    const conflicts = new Map(
      listConflicts(state)
        .filter(({ kind }) => kind !== 'edited-while-deleted')
        .map((conflict) => [conflict.key, conflict]),
    );
    for (const [key, siblings] of state.entries) {
      if (/^(?:l\/|d\/|metadata_order)/.test(key)) continue;
      const told = conflicts.get(key);
      const values = new Set(siblings.map((sibling) => toldValue(key, sibling)));
      const listed = told === undefined ? [] : [told.shown, ...told.others];
      if (values.size > 1) {
        expect(new Set(listed.map((sibling) => toldValue(key, sibling)))).toEqual(values);
      }
      if (hidden.has(key) && key.startsWith('m/')) expect(told).toBeDefined();
    }
  }
});

/** When and by whom two people did the same is no matter of dispute. */
function toldValue(key: string, { value }: Sibling): string {
  const circumstances = ['state', 'deleted', 'parent'].includes(key)
    ? ['closed_at', 'deleted_at', 'deleted_by', 'seen', 'created_at', 'created_by']
    : [];
  const told = (name: string, member: unknown): unknown =>
    circumstances.includes(name) ? undefined : member;
  return JSON.stringify(value, told) ?? '';
}

property(
  'a deleted issue is shown again only when all its deletions were undone knowingly',
  600,
  (clones) => {
    for (const clone of clones) {
      const known = [...clone.known];
      const isDeletedInModel = known.some(
        (event) =>
          (event.values.get('deleted') as Deletion | undefined)?.deleted === true &&
          !known.some((later) => later.past.has(event) && later.keys.has('deleted')),
      );
      expect(shown(clone.state).status === 'tombstone').toBe(isDeletedInModel);
    }
  },
);

property('updated_at never goes back', 400, (clones) => {
  const [a, b] = states(clones);
  const joined = shown(joinStates(a, b));
  expect(compareTimestamps(joined.updated_at, shown(a).updated_at)).toBeGreaterThanOrEqual(0);
  expect(compareTimestamps(joined.updated_at, shown(b).updated_at)).toBeGreaterThanOrEqual(0);
});

test(
  'clocks only choose which sibling is shown, never which there are',
  () => {
    fc.assert(
      fc.property(blindSteps, skews, skews, (history, clocks, others) => {
        const first = play(history, clocks).map(aliveInState);
        expect(play(history, others).map(aliveInState)).toEqual(first);
      }),
      propertyRuns(400),
    );
  },
  PROPERTY_TIMEOUT_MS,
);

property(
  'a line that another tool rewrote without a change lifts to what it was',
  500,
  (clones) => {
    for (const state of states(clones)) {
      const parsed = parseIssueLine(classicPart(encodeState(state)), 0);
      if ('problem' in parsed) throw new Error(parsed.problem);
      expect(diffToWrites(state, parsed.issue)).toEqual([]);
      expect(diffToWrites(state, rewriteForeign(parsed.issue))).toEqual([]);
      expect(
        liftIssue(state, rewriteForeign(parsed.issue), { local: { replica: 'x', nowMs: 0 } }),
      ).toBe(state);
    }
  },
);

property(
  'what a tool drops that does not know it comes back, however often it rewrites',
  400,
  (clones) => {
    const [start] = states(clones);
    let state = start;
    for (let hop = 1; hop <= 3; hop++) {
      const foreign = { ...rewriteForeign(shown(state)), owner: `hop ${hop}` };
      state = liftIssue(state, foreign, { local: { replica: 'foreign', nowMs: hop } });
    }
    expect(shown(state).owner).toBe('hop 3');
    expect(shown(state).opaque).toEqual(shown(start).opaque);
  },
);

property('lifting a version shows it, as it was', 400, (clones) => {
  const [state] = states(clones);
  const issue = shown(state);
  const lifted = liftFirst(issue);
  expect(classicPart(encodeState(lifted))).toBe(classicPart(encodeState(state)));
  expectEqual(joinStates(lifted, liftFirst(issue)), lifted);
});
