/** An issue with one of these waits until its target is done; `parent-child` hands waiting down. */
const BLOCKING_TYPES: ReadonlySet<string> = new Set(['blocks', 'conditional-blocks', 'waits-for']);

/** `parent_child` is what one other tool writes for the same edge. */
const PARENT_TYPE_NAMES: readonly string[] = ['parent-child', 'parent_child'];

/** Statuses that no longer block; every other one, known or not, does. */
export const DONE_STATUSES: readonly string[] = ['closed', 'tombstone', 'pinned'];

export function isBlockingType(type: string): boolean {
  return BLOCKING_TYPES.has(type);
}

export function isParentType(type: string): boolean {
  return PARENT_TYPE_NAMES.includes(type);
}

/** Edges that decide the order of work: a cycle among them would leave all its issues waiting for ever. */
export function isOrderingType(type: string): boolean {
  return isBlockingType(type) || isParentType(type);
}

/** The shortest chain of edges from `from` to `to`, both included, or undefined. */
export function findPath(
  from: string,
  to: string,
  targetsOf: (id: string) => Iterable<string>,
): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[from, undefined]]);
  const queue = [from];
  for (const id of queue) {
    if (id === to) return walkBack(to, cameFrom);
    for (const target of targetsOf(id)) {
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, id);
      queue.push(target);
    }
  }
  return undefined;
}

/** Every set of issues that wait for each other (Tarjan, 1972), each and all in the order first met. */
export function findCycles(
  ids: Iterable<string>,
  targetsOf: (id: string) => readonly string[],
): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const cycles: string[][] = [];
  for (const root of ids) {
    if (index.has(root)) continue;
    // An explicit stack of frames: a chain of 100k issues must not overflow the call stack.
    const frames: { id: string; targets: readonly string[]; next: number }[] = [];
    const enter = (id: string): void => {
      low.set(id, index.size);
      index.set(id, index.size);
      stack.push(id);
      onStack.add(id);
      frames.push({ id, targets: targetsOf(id), next: 0 });
    };
    const lower = (id: string, to: number): void => {
      low.set(id, Math.min(low.get(id) ?? to, to));
    };
    enter(root);
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const target = frame.targets[frame.next++];
      if (target === undefined) {
        frames.pop();
        const parent = frames.at(-1);
        if (parent !== undefined) lower(parent.id, low.get(frame.id) ?? 0);
        if (low.get(frame.id) === index.get(frame.id)) {
          const members = stack.splice(stack.lastIndexOf(frame.id));
          for (const member of members) onStack.delete(member);
          if (members.length > 1) cycles.push(members);
        }
      } else if (!index.has(target)) {
        enter(target);
      } else if (onStack.has(target)) {
        lower(frame.id, index.get(target) ?? 0);
      }
    }
  }
  return cycles;
}

function walkBack(end: string, cameFrom: ReadonlyMap<string, string | undefined>): string[] {
  const path: string[] = [];
  for (let id: string | undefined = end; id !== undefined; id = cameFrom.get(id)) path.unshift(id);
  return path;
}
