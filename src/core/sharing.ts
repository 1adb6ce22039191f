import { OVERDUE_AFTER_MS } from './limits.ts';
import type { Timestamp } from './timestamp.ts';

/**
 * Who commits issues, and where: bd on a branch of their own; people, who commit the mirror with their
 * work; or bd on the branch that is checked out.
 */
export const SYNC_MODES = ['branch', 'worktree', 'checked-out'] as const;

export type SyncMode = (typeof SYNC_MODES)[number];

/** Why changes are not shared: kept, shown with a remedy, tried again. */
export type SharingFailure = 'offline' | 'auth' | 'rejected' | 'blocked' | 'failed';

/** `by_hand`: people commit the mirror, and send it with their work. */
export type SharingState = 'ok' | 'pending' | 'no_remote' | 'off' | 'by_hand' | SharingFailure;

/** What one full cycle came to; the same in the store's own process and on the wire. */
export interface SyncReport {
  state: SharingState;
  /** Changed issues that are not shared yet. */
  pending: number;
  /** Issues sent, and issues taken in, by this cycle. */
  pushed: number;
  imported: number;
  /** The remote's name; null when there is none. */
  remote: string | null;
  /** What went wrong and what to do, or what was put into quarantine; null when all is well. */
  error: string | null;
}

export interface SyncStatus {
  state: SharingState;
  pending: number;
  oldest_pending_s: number | null;
  last_ok: Timestamp | null;
  remote: string | null;
  error: string | null;
  remedy: string | null;
}

/** The part of the status that the store alone can answer. */
export type SharingStanding = Omit<SyncStatus, 'last_ok' | 'remote'>;

/** Nothing is wrong: everything is shared, or sharing is not bd's task. */
export function isSettled(state: SharingState): boolean {
  return ['ok', 'no_remote', 'off', 'by_hand'].includes(state);
}

/** Whether changes have waited for too long. */
export function isOverdue({ state, oldest_pending_s: waitedS }: SharingStanding): boolean {
  return !isSettled(state) && (waitedS ?? 0) * 1000 >= OVERDUE_AFTER_MS;
}

/** Why changes are not shared: a network that is away for a moment is no failure yet. */
export function sharingFailure(standing: SharingStanding): string | undefined {
  const isShort = standing.state === 'offline' && !isOverdue(standing);
  return isShort ? undefined : (standing.error ?? undefined);
}
