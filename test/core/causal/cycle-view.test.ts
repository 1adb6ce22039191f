import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { suppressedEdges, type WrittenEdge } from '../../../src/core/causal/cycle-view.ts';
import { findCycles } from '../../../src/core/dependency.ts';
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts';

function edge(from: string, to: string, ms: number, type = 'blocks'): WrittenEdge {
  return { from, to, type, dot: { replica: 'aaaaaa', counter: 1, ms } };
}

const names = (edges: readonly WrittenEdge[]): string[] =>
  edges.map(({ from, to }) => `${from}${to}`);

describe('of the edges that close a cycle', () => {
  test.each([
    ['the last written is left out', [edge('a', 'b', 1), edge('b', 'a', 2)], ['ba']],
    ['time decides, not place', [edge('a', 'b', 2), edge('b', 'a', 1)], ['ab']],
    [
      'parents and blockers make cycles together',
      [edge('a', 'b', 1), edge('b', 'a', 2, 'parent-child')],
      ['ba'],
    ],
    ['others do not count', [edge('a', 'b', 1), edge('b', 'a', 2, 'related')], []],
    ['an issue that waits for itself', [edge('a', 'a', 1)], ['aa']],
    [
      'only the least is left out',
      [edge('a', 'b', 1), edge('b', 'c', 2), edge('c', 'a', 3), edge('c', 'd', 4)],
      ['ca'],
    ],
  ])('%s', (_name, edges, expected) => {
    expect(names(suppressedEdges(edges))).toEqual(expected);
  });
});

test('an edge counts again once its cycle is broken', () => {
  const [first, second] = [edge('a', 'b', 1), edge('b', 'a', 2)];
  expect(suppressedEdges([first, second])).toEqual([second]);
  expect(suppressedEdges([second])).toEqual([]);
});

test(
  'what is left has no cycle, whatever the order the edges came in; no edge is left out for nothing',
  () => {
    const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const edges = fc.array(
      fc.tuple(id, id, fc.nat({ max: 9 })).map(([from, to, ms]) => edge(from, to, ms)),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(edges, (all) => {
        const left = suppressedEdges(all);
        expect(names(suppressedEdges([...all].reverse())).sort()).toEqual(names(left).sort());
        const kept = all.filter((one) => !left.includes(one));
        const targets = (list: readonly WrittenEdge[]) => (id: string) =>
          list.filter(({ from }) => from === id).map(({ to }) => to);
        expect(findCycles(['a', 'b', 'c', 'd', 'e'], targets(kept))).toEqual([]);
        for (const one of left) {
          const closes = [...kept, one];
          const cycles = findCycles(['a', 'b', 'c', 'd', 'e'], targets(closes));
          expect(one.from === one.to || cycles.length > 0).toBe(true);
        }
      }),
      propertyRuns(500),
    );
  },
  PROPERTY_TIMEOUT_MS,
);
