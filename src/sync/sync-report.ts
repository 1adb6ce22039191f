import type { SharingState, SyncStatus } from '../core/sharing.ts';
import { timestampAt } from '../core/timestamp.ts';
import type { Pending } from '../store/outbox.ts';
import type { SyncFailure } from './sync-failure.ts';
import { currentFailure, type SyncState } from './sync-state.ts';

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

export function syncStatus(
  state: SyncState,
  {
    pending,
    push,
    isByHand,
    failure = currentFailure(state),
    nowMs,
    lastOkMs,
    remote,
  }: {
    pending: Pending;
    push: boolean;
    isByHand: boolean;
    failure?: SyncFailure | undefined;
    nowMs: number;
    lastOkMs: number | undefined;
    remote: string | undefined;
  },
): SyncStatus {
  const { count, oldestMs } = pending;
  return {
    state: syncStateName(state, { pending: count, push, isByHand, failure }),
    pending: count,
    oldest_pending_s:
      oldestMs === undefined ? null : Math.max(0, Math.round((nowMs - oldestMs) / 1000)),
    last_ok: lastOkMs === undefined ? null : timestampAt(lastOkMs),
    remote: remote ?? null,
    error: failure?.message ?? null,
    remedy: failure?.remedy ?? null,
  };
}
