import { initialCycle, nextCycleState, starts, type CycleState } from './cycle-state.ts';
import { nextMirrorState, type MirrorState } from './mirror-state.ts';
import type { SyncCircumstances, SyncEvent } from './sync-event.ts';
import type { CycleEnd, SyncFailure } from './sync-failure.ts';
import type { SyncMemory } from './sync-memory.ts';

/*
 * Two pure state machines, one for the mirror and one for the cycle. The driver feeds them events and performs
 * the actions that they ask for. A change of the store concerns both.
 */

export interface SyncState {
  mirror: MirrorState;
  cycle: CycleState;
  lastActivityMs: number;
  /** The end of the last cycle that did not fail. */
  lastEnd: Exclude<CycleEnd, SyncFailure> | undefined;
}

export type SyncAction = 'flush_mirror' | 'run_cycle';

/** Both the file and the remote are due at the start, as both may have changed. */
export function initialSyncState({
  nowMs,
  shares,
  memory = {},
}: {
  nowMs: number;
  shares: boolean;
  memory?: SyncMemory;
}): SyncState {
  return {
    mirror: { kind: 'waiting', sinceMs: nowMs, dueMs: nowMs, failures: 0 },
    cycle: shares ? initialCycle(memory.failure, nowMs) : { kind: 'absent' },
    lastActivityMs: nowMs,
    lastEnd: memory.lastEnd,
  };
}

export function nextSyncState(
  state: SyncState,
  event: SyncEvent,
  circumstances: SyncCircumstances,
): { state: SyncState; actions: SyncAction[] } {
  const { nowMs } = circumstances;
  const isActivity =
    event.kind === 'store_changed' ||
    event.kind === 'activity' ||
    (event.kind === 'cycle_ended' && event.imported > 0);
  const lastActivityMs = isActivity ? nowMs : state.lastActivityMs;
  const mirror = nextMirrorState(state.mirror, event, circumstances);
  const cycle = nextCycleState(state.cycle, event, { ...circumstances, lastActivityMs });
  const lastEnd =
    event.kind === 'cycle_ended' && typeof event.end === 'string' ? event.end : state.lastEnd;
  const actions: SyncAction[] = [];
  if (event.kind === 'due' && entered(state.mirror, mirror, 'flushing'))
    actions.push('flush_mirror');
  if (starts(state.cycle, cycle, event)) actions.push('run_cycle');
  return {
    state: { mirror, cycle, lastActivityMs, lastEnd },
    actions,
  };
}

/** When to send `due`; undefined while nothing is due. */
export function nextDueMs({ mirror, cycle }: SyncState): number | undefined {
  const times = [
    mirror.kind === 'waiting' ? mirror.dueMs : undefined,
    'dueMs' in cycle ? cycle.dueMs : undefined,
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** The failure to show, until a cycle ends well. */
export function currentFailure({ cycle }: SyncState): SyncFailure | undefined {
  return 'failing' in cycle ? cycle.failing?.failure : undefined;
}

function entered(before: MirrorState, after: MirrorState, kind: MirrorState['kind']): boolean {
  return before.kind !== kind && after.kind === kind;
}
