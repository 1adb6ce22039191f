import { findCycles, findPath, isOrderingType } from '../dependency.ts';
import { compareDots, type Dot } from './dot.ts';

/** An edge of the whole project, with the write that made it. */
export interface WrittenEdge {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly dot: Dot;
}

/**
 * The edges that do not count, because clones that did not know of each other closed a cycle. Within
 * each cycle edges are taken in the order they were written; one that would close it is left out. It
 * is a function of all edges, so clones agree, and an edge counts again once the cycle is broken.
 */
export function suppressedEdges(edges: Iterable<WrittenEdge>): WrittenEdge[] {
  const ordering = [...edges].filter(({ type }) => isOrderingType(type));
  const targets = targetMap(ordering);
  const cycleOf = new Map<string, number>();
  const ids = [...targets.keys()];
  for (const [number, members] of findCycles(ids, (id) => targets.get(id) ?? []).entries()) {
    for (const member of members) cycleOf.set(member, number);
  }
  const within = ordering.filter(
    ({ from, to }) => from === to || (cycleOf.has(from) && cycleOf.get(from) === cycleOf.get(to)),
  );
  return edgesThatClose(within.sort(compareEdges));
}

function edgesThatClose(edges: readonly WrittenEdge[]): WrittenEdge[] {
  const taken = new Map<string, string[]>();
  return edges.filter((edge) => {
    const isClosing = findPath(edge.to, edge.from, (id) => taken.get(id) ?? []) !== undefined;
    if (!isClosing) taken.set(edge.from, [...(taken.get(edge.from) ?? []), edge.to]);
    return isClosing;
  });
}

function targetMap(edges: readonly WrittenEdge[]): Map<string, string[]> {
  const targets = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const known = targets.get(from);
    if (known === undefined) targets.set(from, [to]);
    else known.push(to);
  }
  return targets;
}

/** One write can make several edges; the rest only makes the order total. */
function compareEdges(left: WrittenEdge, right: WrittenEdge): number {
  return (
    compareDots(left.dot, right.dot) ||
    compareTexts(left.from, right.from) ||
    compareTexts(left.to, right.to) ||
    compareTexts(left.type, right.type)
  );
}

function compareTexts(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}
