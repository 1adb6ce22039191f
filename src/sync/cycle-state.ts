import { ACTIVITY_WINDOW_MS, FETCH_INTERVAL_MS } from '../core/limits.ts';
import { retryDelayMs, type SyncCircumstances, type SyncEvent } from './sync-event.ts';
import type { CycleEnd, SyncFailure } from './sync-failure.ts';

/*
 *             change to send             due               asked for            ended well       failed
 * resting     gathering                  running ► cycle   running ► cycle      -                -
 * gathering   gathering, later, bounded  running ► cycle   running ► cycle      -                -
 * running     running                    -                 running, again       resting,         failing
 *                                                                               or gathering
 * failing     failing                    running ► cycle   running ► cycle      -                -
 *
 * `running` keeps the failure before it, so that status shows that until a cycle ends well; one that was
 * asked for `again` is followed by the next at once. A change during a cycle is remembered as `missed`: it is
 * still pending at the end, and may remove a local cause of the failure.
 */

export type CycleState =
  /** There is no repository to share through. */
  | { kind: 'absent' }
  /** `dueMs` is when to look for others' changes next. */
  | { kind: 'resting'; dueMs: number | undefined; intervalMs: number }
  | { kind: 'gathering'; sinceMs: number; dueMs: number; intervalMs: number }
  /** `again`: another cycle was asked for after this one had begun. */
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

export function initialCycle(failure: SyncFailure | undefined, nowMs: number): CycleState {
  const intervalMs = FETCH_INTERVAL_MS;
  return failure === undefined
    ? { kind: 'resting', dueMs: nowMs, intervalMs }
    : { kind: 'failing', failing: { failure, attempts: 1 }, dueMs: nowMs, intervalMs };
}

type StateOf<Kind> = Extract<CycleState, { kind: Kind }>;

type CycleCircumstances = SyncCircumstances & { lastActivityMs: number };

export function nextCycleState(
  cycle: CycleState,
  event: SyncEvent,
  circumstances: CycleCircumstances,
): CycleState {
  if (cycle.kind === 'absent') return cycle;
  switch (event.kind) {
    case 'store_changed':
      return event.pending > 0 ? changeToSend(cycle, event.pending, circumstances) : cycle;
    case 'activity':
      return onActivity(cycle, circumstances);
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

/** While the workspace is used, looks sooner for others' changes, and whether an obstacle is gone. */
function onActivity(cycle: CycleState, circumstances: CycleCircumstances): CycleState {
  const { nowMs, settings } = circumstances;
  if (cycle.kind === 'failing') return triesSoon(cycle, settings.fetchActiveMs, circumstances);
  if (cycle.kind !== 'resting') return cycle;
  // There is no due time while sharing is off; it may have been turned on since.
  if (cycle.dueMs === undefined) return settings.push ? { ...cycle, dueMs: nowMs } : cycle;
  return { ...cycle, dueMs: Math.min(cycle.dueMs, nowMs + settings.fetchActiveMs) };
}

/** A remote cause, such as a lost network, is not retried more often than an idle workspace fetches. */
function triesSoon(
  cycle: StateOf<'failing'>,
  waitMs: number,
  { nowMs, settings }: CycleCircumstances,
): CycleState {
  const isHere = cycle.failing.failure.retry === 'soon';
  const atMs = nowMs + (isHere ? waitMs : settings.fetchIdleMs);
  return { ...cycle, dueMs: Math.min(cycle.dueMs, atMs) };
}

function changeToSend(
  cycle: Exclude<CycleState, { kind: 'absent' }>,
  pending: number,
  circumstances: CycleCircumstances,
): CycleState {
  const { nowMs, settings } = circumstances;
  switch (cycle.kind) {
    case 'failing':
      return triesSoon(cycle, settings.quietMs, circumstances);
    case 'running':
      return { ...cycle, missed: true };
    case 'resting':
    case 'gathering': {
      const sinceMs = cycle.kind === 'gathering' ? cycle.sinceMs : nowMs;
      const batchMs =
        pending >= settings.batchMax
          ? nowMs
          : Math.min(nowMs + settings.quietMs, sinceMs + settings.delayMaxMs);
      // What is due already, such as the look at the start, is not delayed by further changes.
      const { dueMs: beforeMs = Infinity } = cycle;
      const dueMs = beforeMs <= nowMs ? beforeMs : batchMs;
      return { kind: 'gathering', sinceMs, dueMs, intervalMs: cycle.intervalMs };
    }
    default:
      return cycle satisfies never;
  }
}

function cycleEnded(
  cycle: StateOf<'running'>,
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

/** Another local cause starts again with the shortest delay. */
function failingAfter(failure: SyncFailure, before: Failing | undefined): Failing {
  const isNew = failure.retry === 'soon' && before?.failure.message !== failure.message;
  return { failure, attempts: isNew ? 1 : (before?.attempts ?? 0) + 1 };
}

function delayAfter(
  { failure, attempts }: Failing,
  { missed }: StateOf<'running'>,
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
): StateOf<'resting'> {
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

export function starts(before: CycleState, after: CycleState, event: SyncEvent): boolean {
  if (after.kind !== 'running') return false;
  return before.kind !== 'running' || event.kind === 'cycle_ended';
}
