import { expect, test } from 'vitest';
import { findCycles, findPath } from '../../src/core/dependency.ts';

const edges: Record<string, string[]> = { a: ['b', 'c'], b: ['d'], c: ['d'], d: ['e'], e: [] };
const targetsOf = (id: string): string[] => edges[id] ?? [];

test('the shortest path is found, with both ends', () => {
  expect(findPath('a', 'e', targetsOf)).toEqual(['a', 'b', 'd', 'e']);
  expect(findPath('e', 'a', targetsOf)).toBeUndefined();
  expect(findPath('a', 'a', targetsOf)).toEqual(['a']);
});

test('no cycle is reported where there is none', () => {
  expect(findCycles(Object.keys(edges), targetsOf)).toEqual([]);
});

test('each cycle is reported once, with all its members', () => {
  const graph: Record<string, string[]> = { a: ['b'], b: ['c'], c: ['a', 'x'], x: ['y'], y: ['x'] };
  const cycles = findCycles(Object.keys(graph), (id) => graph[id] ?? []);
  expect(cycles.map((cycle) => cycle.sort().join())).toEqual(['x,y', 'a,b,c']);
});

test('a chain of 100,000 issues does not overflow the stack', () => {
  const next = (id: string): string[] => (id === '100000' ? [] : [String(Number(id) + 1)]);
  expect(findCycles(['0'], next)).toEqual([]);
});
