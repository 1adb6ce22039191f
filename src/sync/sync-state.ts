import {
  ACTIVITY_WINDOW_MS,
  BATCH_CHANGES_MAX,
  BATCH_DELAY_MAX_MS,
  BATCH_QUIET_MS,
  FETCH_INTERVAL_MAX_MS,
  FETCH_INTERVAL_MS,
  MIRROR_DELAY_MAX_MS,
  MIRROR_GONE_MS,
  MIRROR_QUIET_MS,
  RETRY_DELAY_MAX_MS,
  RETRY_DELAY_MS,
} from '../core/limits.ts';
import type { CycleEnd, SyncFailure } from './sync-failure.ts';
import type { SyncMemory } from './sync-memory.ts';

/*
 * Two machines that never look at the clock, a disk or a network; the engine feeds them and does what
 * they ask. They meet in one place: changes in the store concern both.
 *
 * mirror      store or file changed      due               flushed              flush failed
 * clean       waiting                    -                 -                    -
 * waiting     waiting, later, bounded    flushing ► flush  -                    -
 * flushing    flushing, again            -                 clean, or waiting    waiting, longer
 *
 * cycle       change to send             due               asked for            ended well       failed
 * resting     gathering                  running ► cycle   running ► cycle      -                -
 * gathering   gathering, later, bounded  running ► cycle   running ► cycle      -                -
 * running     running                    -                 running, again       resting,         failing
 *                                                                               or gathering
 * failing     failing                    running ► cycle   running ► cycle      -                -
 *
 * `running` remembers the failure it comes from, so that it shows until a cycle ends well; one that
 * was asked for `again` goes over into the next at its end. A change that a cycle missed is still
 * pending at its end; it is remembered as `missed`, as it may be what a cause that is here waited for.
 */

type MirrorState =
  | { kind: 'clean' }
  | { kind: 'waiting'; sinceMs: number; dueMs: number; failures: number }
  | { kind: 'flushing'; again: boolean; failures: number };

type CycleState =
  /** There is no repository to share through. */
  | { kind: 'absent' }
  /** `dueMs` is when others' changes are looked for next. */
  | { kind: 'resting'; dueMs: number | undefined; intervalMs: number }
  | { kind: 'gathering'; sinceMs: number; dueMs: number; intervalMs: number }
  /** `again`: somebody asked for a cycle after this one had begun. */
  | {
      kind: 'running';
      again: boolean;
      missed: boolean;
      intervalMs: number;
      failing: Failing | undefined;
    }
  | { kind: 'failing'; failing: Failing; dueMs: number; intervalMs: number };

interface Failing {
  failure: SyncFailure;
  attempts: number;
}

export interface SyncState {
  mirror: MirrorState;
  cycle: CycleState;
  lastActivityMs: number;
  /** How the last cycle ended that did not fail. */
  lastEnd: Exclude<CycleEnd, SyncFailure> | undefined;
}

export type SyncEvent =
  /** `pending`: issues that wait to be sent. */
  | { kind: 'store_changed'; pending: number }
  | { kind: 'mirror_changed' }
  /** The file was deleted, or is about to be replaced. */
  | { kind: 'mirror_gone' }
  | { kind: 'flush_started' }
  | { kind: 'flush_ended'; behind: boolean }
  | { kind: 'flush_failed' }
  | { kind: 'sync_asked' }
  | { kind: 'cycle_ended'; end: CycleEnd; pending: number; imported: number }
  /** Somebody works here, be it only by reading. */
  | { kind: 'activity' }
  /** The time that `nextDueMs` gave has come. */
  | { kind: 'due' };

export type SyncAction = 'flush_mirror' | 'run_cycle';

export interface SyncSettings {
  /** Off: nothing is fetched or sent. */
  push: boolean;
  /** People commit the mirror themselves. */
  isByHand: boolean;
  quietMs: number;
  delayMaxMs: number;
  /** Changes that do not wait for quiet. */
  batchMax: number;
  fetchActiveMs: number;
  fetchIdleMs: number;
  /** Off: the mirror is looked at when somebody works here, and at a slow pace. */
  watchesFiles: boolean;
}

export const DEFAULT_SYNC_SETTINGS: SyncSettings = {
  push: true,
  isByHand: false,
  quietMs: BATCH_QUIET_MS,
  delayMaxMs: BATCH_DELAY_MAX_MS,
  batchMax: BATCH_CHANGES_MAX,
  fetchActiveMs: FETCH_INTERVAL_MS,
  fetchIdleMs: FETCH_INTERVAL_MAX_MS,
  watchesFiles: true,
};

export interface SyncCircumstances {
  nowMs: number;
  /** From 0 to 1. */
  random: number;
  settings: SyncSettings;
}

/** At the start the file and the remote are looked at, as both may have changed meanwhile. */
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

function initialCycle(failure: SyncFailure | undefined, nowMs: number): CycleState {
  const intervalMs = FETCH_INTERVAL_MS;
  return failure === undefined
    ? { kind: 'resting', dueMs: nowMs, intervalMs }
    : { kind: 'failing', failing: { failure, attempts: 1 }, dueMs: nowMs, intervalMs };
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

/** When to send `due`; undefined while nothing waits for a time. */
export function nextDueMs({ mirror, cycle }: SyncState): number | undefined {
  const times = [
    mirror.kind === 'waiting' ? mirror.dueMs : undefined,
    'dueMs' in cycle ? cycle.dueMs : undefined,
  ].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Shown until a cycle ends well. */
export function currentFailure({ cycle }: SyncState): SyncFailure | undefined {
  return 'failing' in cycle ? cycle.failing?.failure : undefined;
}

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

/** Perhaps all of the directory is about to go: whoever deletes it does not meet a file that was put back. */
function mirrorGone(mirror: MirrorState, nowMs: number): MirrorState {
  const changed = mirrorChanged(mirror, nowMs);
  return changed.kind === 'waiting' && changed.failures === 0
    ? { ...changed, dueMs: nowMs + MIRROR_GONE_MS }
    : changed;
}

function failuresOf(mirror: MirrorState): number {
  return mirror.kind === 'clean' ? 0 : mirror.failures;
}

type CycleCircumstances = SyncCircumstances & { lastActivityMs: number };

function nextCycleState(
  cycle: CycleState,
  event: SyncEvent,
  circumstances: CycleCircumstances,
): CycleState {
  if (cycle.kind === 'absent') return cycle;
  switch (event.kind) {
    case 'store_changed':
      return event.pending > 0 ? changeToSend(cycle, event.pending, circumstances) : cycle;
    case 'activity':
      return worksHere(cycle, circumstances);
    case 'due':
      return isDue(cycle, circumstances.nowMs) ? running(cycle) : cycle;
    case 'sync_asked':
      return cycle.kind === 'running' ? { ...cycle, again: true } : running(cycle);
    case 'cycle_ended':
      return cycle.kind === 'running' ? cycleEnded(cycle, event, circumstances) : cycle;
    default:
      return cycle;
  }
}

/** Somebody does: others' changes are looked for sooner, and so is whether what was in the way is gone. */
function worksHere(cycle: CycleState, circumstances: CycleCircumstances): CycleState {
  const { nowMs, settings } = circumstances;
  if (cycle.kind === 'resting') return looksSoon(cycle, circumstances);
  return cycle.kind === 'failing'
    ? triesSoon(cycle, { nowMs, waitMs: settings.fetchActiveMs, settings })
    : cycle;
}

/** A cause elsewhere, such as a network that is gone, is not asked for more often than others' changes at rest. */
function triesSoon(
  cycle: Extract<CycleState, { kind: 'failing' }>,
  { nowMs, waitMs, settings }: { nowMs: number; waitMs: number; settings: SyncSettings },
): CycleState {
  const isHere = cycle.failing.failure.retry === 'soon';
  const atMs = nowMs + (isHere ? waitMs : settings.fetchIdleMs);
  return { ...cycle, dueMs: Math.min(cycle.dueMs, atMs) };
}

function looksSoon(
  cycle: Extract<CycleState, { kind: 'resting' }>,
  { nowMs, settings }: CycleCircumstances,
): CycleState {
  // No time is set while sharing is off; it may have been turned on since.
  if (cycle.dueMs === undefined) return settings.push ? { ...cycle, dueMs: nowMs } : cycle;
  return { ...cycle, dueMs: Math.min(cycle.dueMs, nowMs + settings.fetchActiveMs) };
}

function changeToSend(
  cycle: Exclude<CycleState, { kind: 'absent' }>,
  pending: number,
  { nowMs, settings }: CycleCircumstances,
): CycleState {
  switch (cycle.kind) {
    case 'failing':
      return triesSoon(cycle, { nowMs, waitMs: settings.quietMs, settings });
    case 'running':
      return { ...cycle, missed: true };
    case 'resting':
    case 'gathering': {
      const sinceMs = cycle.kind === 'gathering' ? cycle.sinceMs : nowMs;
      const dueMs =
        pending >= settings.batchMax
          ? nowMs
          : Math.min(nowMs + settings.quietMs, sinceMs + settings.delayMaxMs);
      return { kind: 'gathering', sinceMs, dueMs, intervalMs: cycle.intervalMs };
    }
    default:
      return cycle satisfies never;
  }
}

function cycleEnded(
  cycle: Extract<CycleState, { kind: 'running' }>,
  { end, pending }: Extract<SyncEvent, { kind: 'cycle_ended' }>,
  circumstances: CycleCircumstances,
): CycleState {
  const { intervalMs } = cycle;
  if (typeof end !== 'string') {
    const failing = failingAfter(end, cycle.failing);
    if (cycle.again) return { ...cycle, again: false, missed: false, failing };
    const dueMs = circumstances.nowMs + delayAfter(failing, cycle, circumstances);
    return { kind: 'failing', failing, dueMs, intervalMs };
  }
  if (cycle.again) return { ...cycle, again: false, missed: false, failing: undefined };
  const resting: CycleState = restingAfter(end, intervalMs, circumstances);
  return pending > 0 ? changeToSend(resting, pending, circumstances) : resting;
}

/** Another cause that is here is a new one, whatever was before. */
function failingAfter(failure: SyncFailure, before: Failing | undefined): Failing {
  const isNew = failure.retry === 'soon' && before?.failure.message !== failure.message;
  return { failure, attempts: isNew ? 1 : (before?.attempts ?? 0) + 1 };
}

function delayAfter(
  { failure, attempts }: Failing,
  { missed }: Extract<CycleState, { kind: 'running' }>,
  { random, settings }: CycleCircumstances,
): number {
  const delayMs = retryDelayMs(attempts, random);
  if (failure.retry !== 'soon') return delayMs;
  return missed ? settings.quietMs : Math.min(delayMs, settings.fetchIdleMs);
}

function restingAfter(
  end: Exclude<CycleEnd, SyncFailure>,
  intervalMs: number,
  { nowMs, settings, lastActivityMs }: CycleCircumstances,
): Extract<CycleState, { kind: 'resting' }> {
  if (end === 'off') return { kind: 'resting', dueMs: undefined, intervalMs };
  const isActive = nowMs - lastActivityMs < ACTIVITY_WINDOW_MS && end === 'shared';
  const nextMs = isActive
    ? settings.fetchActiveMs
    : Math.min(Math.max(intervalMs * 2, settings.fetchActiveMs), settings.fetchIdleMs);
  return { kind: 'resting', dueMs: nowMs + nextMs, intervalMs: nextMs };
}

function running(cycle: Exclude<CycleState, { kind: 'absent' }>): CycleState {
  const failing = 'failing' in cycle ? cycle.failing : undefined;
  return { kind: 'running', again: false, missed: false, intervalMs: cycle.intervalMs, failing };
}

function isDue(cycle: CycleState, nowMs: number): cycle is Exclude<CycleState, { kind: 'absent' }> {
  return 'dueMs' in cycle && cycle.dueMs !== undefined && cycle.dueMs <= nowMs;
}

function starts(before: CycleState, after: CycleState, event: SyncEvent): boolean {
  if (after.kind !== 'running') return false;
  return before.kind !== 'running' || event.kind === 'cycle_ended';
}

function entered(before: MirrorState, after: MirrorState, kind: MirrorState['kind']): boolean {
  return before.kind !== kind && after.kind === kind;
}

/** Doubles from the first wait to the longest; up to a quarter is taken off, so that clones spread. */
function retryDelayMs(attempts: number, random: number): number {
  const delayMs = Math.min(RETRY_DELAY_MS * 2 ** (attempts - 1), RETRY_DELAY_MAX_MS);
  return Math.round(delayMs * (1 - random / 4));
}
