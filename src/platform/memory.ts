import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** A heap that has grown by less is left to V8. */
const GROWTH_BYTES = 12 * 1024 * 1024;

/** V8 gives back the room for new objects only when few were made of late: not at once after the work. */
const TRIES = 3;

/**
 * Returns what gives unused memory back to the system where the heap has grown since now, and tells whether there may
 * be more to give some seconds later. V8 itself collects when a program allocates: one that is idle after hard work
 * would keep all that the work took.
 */
export function createMemoryRelease(): () => boolean {
  let inUse = getHeapStatistics().used_heap_size + GROWTH_BYTES;
  let tries = 0;
  return () => {
    if (heldBytes() <= inUse) return false;
    collectGarbage();
    tries = (tries + 1) % TRIES;
    if (tries === 0) inUse = Math.max(inUse, heldBytes());
    return tries > 0;
  };
}

/** The heap, and the buffers that it keeps. */
function heldBytes(): number {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

/** A context that is made now has the collector; `node --expose-gc` would be for the whole process. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  collect();
}
