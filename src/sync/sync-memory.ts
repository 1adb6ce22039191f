import type { State } from '../store/state.ts';
import type { CycleEnd, SyncFailure } from './sync-failure.ts';

/** How sharing last went, kept in the store so that a command without daemon can show it. */
export interface SyncMemory {
  lastEnd?: Exclude<CycleEnd, SyncFailure>;
  failure?: SyncFailure;
  lastOkMs?: number;
  remote?: string;
}

/** Of what the store holds. Anything but an object was not written by bd, and says nothing. */
export function readSyncMemory(value: unknown): SyncMemory {
  return typeof value === 'object' ? { ...value } : {};
}

/** Writes only news: a cycle that found nothing to do leaves the store untouched. */
export function writeSyncMemory(
  state: State,
  memory: SyncMemory,
  { moved }: { moved: number },
): void {
  const before = readSyncMemory(state.get('sync_memory'));
  if (moved > 0 || !isSame(before, memory)) {
    state.set('sync_memory', memory);
  }
}

function isSame(left: SyncMemory, right: SyncMemory): boolean {
  return (
    left.lastEnd === right.lastEnd &&
    left.remote === right.remote &&
    left.failure?.message === right.failure?.message
  );
}
