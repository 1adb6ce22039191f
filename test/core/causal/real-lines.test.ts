import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeState } from '../../../src/core/causal/causal-line.ts';
import { decodeLine } from '../../../src/core/causal/decode-line.ts';
import type { IssueState } from '../../../src/core/causal/issue-state.ts';
import { joinStates } from '../../../src/core/causal/join.ts';
import { diffToWrites, liftFirst, liftIssue } from '../../../src/core/causal/lift.ts';
import { encodeIssueLine, parseIssueLine } from '../../../src/core/issue-line.ts';
import { TOMBSTONE, compareBytes, type Issue } from '../../../src/core/issue.ts';
import { isTimestamp, timestampMs } from '../../../src/core/timestamp.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';
import { foreignLines } from './records.ts';
import { play, skews, steps } from './history.ts';
import { classicPart, created, shown } from './state.ts';

/** Texts are made up; the spellings and the sets of keys are those of files that other tools wrote. */
const LINES = readFileSync(resolve(import.meta.dirname, 'real-lines.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '');

function parsed(line: string): Issue {
  const read = parseIssueLine(line, 0);
  if ('problem' in read) throw new Error(read.problem);
  return read.issue;
}

/** A reader's state is made anew: no object of the writer's is in it. */
function reread(line: string): IssueState {
  const decoded = decodeLine(line, 0);
  if (decoded.kind !== 'sealed') throw new Error(JSON.stringify(decoded));
  return decoded.state;
}

/** What every clone must write alike, though another tool did not: comments by time, and no empty list. */
function settled({ labels, dependencies, comments, ...rest }: Issue): Issue {
  const byTime = [...(comments ?? [])].sort(
    (left, right) => timestampMs(left.created_at) - timestampMs(right.created_at),
  );
  return {
    ...rest,
    ...(labels === undefined || labels.length === 0 ? {} : { labels }),
    ...(dependencies === undefined || dependencies.length === 0 ? {} : { dependencies }),
    ...(byTime.length === 0 ? {} : { comments: byTime }),
  };
}

function expectKept(line: string): void {
  const issue = settled(parsed(line));
  const state = liftFirst(issue);
  const sealed = encodeState(state);
  expect(classicPart(sealed)).toBe(encodeIssueLine(issue));
  const again = reread(sealed);
  expect(encodeState(again)).toBe(sealed);
  expect(again.vector).toEqual(state.vector);
  expect([...again.entries.keys()].sort()).toEqual([...state.entries.keys()].sort());
  expect(encodeState(joinStates(again, state))).toBe(sealed);
  expect(encodeIssueLine(shown(again))).toBe(encodeIssueLine(issue));
  expect(diffToWrites(again, issue)).toEqual([]);
}

describe('a line of another tool is the same after it was sealed and read', () => {
  test.each(LINES.map((line) => [parsed(line).id, line]))('%s', (_id, line) => expectKept(line));

  test(
    'in every spelling',
    () => {
      fc.assert(fc.property(foreignLines, expectKept), propertyRuns(1500));
    },
    PROPERTY_TIMEOUT_MS,
  );
});

/** What a tool that knows no other keys says of an issue; a parent has two names, and empty is absent. */
function told(issue: Issue): unknown {
  const {
    created_at: _at,
    created_by: _by,
    updated_at: _updated,
    opaque: _opaque,
    ...rest
  } = issue;
  const { labels, dependencies, comments, ...fields } = rest;
  const scalars = Object.entries(fields).filter(([, value]) => value !== '' && value !== false);
  return {
    fields: scalars
      .sort(([left], [right]) => compareBytes(left, right))
      .map(([name, value]) => [name, isInstant(value) ? instantOf(value) : value]),
    labels: [...(labels ?? [])].sort(),
    edges: (dependencies ?? [])
      .map((edge) => `${edge.type.replace('_', '-')} ${edge.depends_on_id}`)
      .sort(),
    comments: (comments ?? []).map(({ author, text }) => JSON.stringify([author, text])).sort(),
  };
}

const isInstant = (value: unknown): value is string =>
  typeof value === 'string' && isTimestamp(value);
const instantOf = (text: string): string =>
  `${timestampMs(text)} ${/\.(\d+)/.exec(text)?.[1] ?? ''}`;

test(
  'a version of another tool, taken in on top of what it was made from, is what is shown',
  () => {
    fc.assert(
      fc.property(steps, skews, foreignLines, (history, clocks, line) => {
        const [clone] = play(history, clocks);
        const foreign = parsed(line);
        if (clone === undefined || foreign.status === TOMBSTONE) return;
        const base = shown(clone.state).status === TOMBSTONE ? created() : clone.state;
        const lifted = liftIssue(base, foreign, { local: { replica: 'mirror', nowMs: 5 } });
        expect(JSON.stringify(told(shown(lifted)))).toBe(JSON.stringify(told(foreign)));
        expect(encodeState(reread(encodeState(lifted)))).toBe(encodeState(lifted));
      }),
      propertyRuns(800),
    );
  },
  PROPERTY_TIMEOUT_MS,
);
