import type { Settings } from '../store/settings.ts';
import type { CycleEnd, SyncFailure } from './sync-failure.ts';

/** How sharing last went, kept in the store so that a command without daemon can show it. */
export interface SyncMemory {
  lastEnd?: Exclude<CycleEnd, SyncFailure>;
  failure?: SyncFailure;
  lastOkMs?: number;
  remote?: string;
}

const KEY = 'sync_memory';

export function readSyncMemory(settings: Pick<Settings, 'get'>): SyncMemory {
  try {
    return { ...(JSON.parse(settings.get(KEY) ?? '{}') as SyncMemory) };
  } catch {
    // Not written by bd. Nothing else depends on it, and the next cycle writes it again.
    return {};
  }
}

/** Call when issues are shared in another way from now on. */
export function forgetSyncMemory(settings: Settings): void {
  settings.delete(KEY);
}

/** Writes only news: a cycle that found nothing to do leaves the store untouched. */
export function writeSyncMemory(
  settings: Settings,
  memory: SyncMemory,
  { moved }: { moved: number },
): void {
  const before = readSyncMemory(settings);
  if (moved > 0 || !isSame(before, memory)) {
    settings.set(KEY, JSON.stringify(memory));
  }
}

function isSame(left: SyncMemory, right: SyncMemory): boolean {
  return (
    left.lastEnd === right.lastEnd &&
    left.remote === right.remote &&
    left.failure?.message === right.failure?.message
  );
}
