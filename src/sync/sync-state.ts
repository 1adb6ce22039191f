import { MIRROR_DELAY_MAX_MS, MIRROR_GONE_MS, MIRROR_QUIET_MS } from '../core/limits.ts';
import type { SharingState } from '../core/sharing.ts';
import { initialCycle, nextCycleState, starts, type CycleState } from './cycle-state.ts';
import { retryDelayMs, type SyncCircumstances, type SyncEvent } from './sync-event.ts';
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
export function initialSyncState(
  nowMs: number,
  { shares, memory = {} }: { shares: boolean; memory?: SyncMemory },
): SyncState {
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
  const isFlushDue = state.mirror.kind !== 'flushing' && mirror.kind === 'flushing';
  if (event.kind === 'due' && isFlushDue) actions.push('flush_mirror');
  if (starts(state.cycle, cycle, event)) actions.push('run_cycle');
  return { state: { mirror, cycle, lastActivityMs, lastEnd }, actions };
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

/** The state in one word; a failure is shown until a cycle ends well. */
export function syncStateName(
  state: SyncState,
  {
    pending,
    push,
    isByHand = false,
    failure = currentFailure(state),
  }: { pending: number; push: boolean; isByHand?: boolean; failure?: SyncFailure | undefined },
): SharingState {
  if (failure !== undefined) return failure.kind;
  if (isByHand) return 'by_hand';
  if (state.cycle.kind === 'absent') return 'no_remote';
  if (!push) return 'off';
  if (state.lastEnd === 'no_remote') return 'no_remote';
  return pending > 0 ? 'pending' : 'ok';
}

/*
 *             store or file changed      file gone       due               flushed              flush failed
 * clean       waiting                    waiting         -                 -                    -
 * waiting     waiting, later, bounded    waiting, later  flushing ► flush  -                    -
 * flushing    flushing, again            the same        -                 clean, or waiting    waiting, longer
 */

type MirrorState =
  | { kind: 'clean' }
  | { kind: 'waiting'; sinceMs: number; dueMs: number; failures: number }
  | { kind: 'flushing'; again: boolean; failures: number };

function nextMirrorState(
  mirror: MirrorState,
  event: SyncEvent,
  { nowMs, random }: SyncCircumstances,
): MirrorState {
  switch (event.kind) {
    case 'store_changed':
    case 'mirror_changed':
      return mirrorChanged(mirror, nowMs);
    case 'mirror_gone':
      return mirrorGone(mirror, nowMs);
    case 'flush_started':
      return { kind: 'flushing', again: false, failures: failuresOf(mirror) };
    case 'flush_ended':
      return event.behind || (mirror.kind === 'flushing' && mirror.again)
        ? mirrorChanged({ kind: 'clean' }, nowMs)
        : { kind: 'clean' };
    case 'flush_failed': {
      const failures = failuresOf(mirror) + 1;
      const dueMs = nowMs + retryDelayMs(failures, random);
      return { kind: 'waiting', sinceMs: nowMs, dueMs, failures };
    }
    case 'due':
      return mirror.kind === 'waiting' && mirror.dueMs <= nowMs
        ? { kind: 'flushing', again: false, failures: mirror.failures }
        : mirror;
    default:
      return mirror;
  }
}

function mirrorChanged(mirror: MirrorState, nowMs: number): MirrorState {
  if (mirror.kind === 'flushing') return { ...mirror, again: true };
  // A file that cannot be written is not tried again for each change.
  if (mirror.kind === 'waiting' && mirror.failures > 0) return mirror;
  const sinceMs = mirror.kind === 'waiting' ? mirror.sinceMs : nowMs;
  const dueMs = Math.min(nowMs + MIRROR_QUIET_MS, sinceMs + MIRROR_DELAY_MAX_MS);
  return { kind: 'waiting', sinceMs, dueMs, failures: 0 };
}

/** The whole directory may be about to be deleted: a file put back at once would make that fail. */
function mirrorGone(mirror: MirrorState, nowMs: number): MirrorState {
  const changed = mirrorChanged(mirror, nowMs);
  return changed.kind === 'waiting' && changed.failures === 0
    ? { ...changed, dueMs: nowMs + MIRROR_GONE_MS }
    : changed;
}

function failuresOf(mirror: MirrorState): number {
  return mirror.kind === 'clean' ? 0 : mirror.failures;
}
