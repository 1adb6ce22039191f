import { RETRY_DELAY_MAX_MS, RETRY_DELAY_MS } from '../core/limits.ts';
import type { CycleEnd } from './sync-failure.ts';
import type { SyncSettings } from './sync-settings.ts';

/** What the state machines are fed; each ignores what does not concern it. */
export type SyncEvent =
  /** `pending`: issues that wait to be sent. */
  | { kind: 'store_changed'; pending: number }
  | { kind: 'mirror_changed' }
  /** The file was deleted, perhaps to be replaced. */
  | { kind: 'mirror_gone' }
  | { kind: 'flush_started' }
  | { kind: 'flush_ended'; behind: boolean }
  | { kind: 'flush_failed' }
  | { kind: 'sync_asked' }
  | { kind: 'cycle_ended'; end: CycleEnd; pending: number; imported: number }
  /** The workspace is used, if only to read. */
  | { kind: 'activity' }
  /** The time of `nextDueMs` has come. */
  | { kind: 'due' };

export interface SyncCircumstances {
  nowMs: number;
  /** From 0 to 1. */
  random: number;
  settings: SyncSettings;
}

/** Doubles from the shortest wait to the longest, less up to a quarter, so that clones spread. */
export function retryDelayMs(attempts: number, random: number): number {
  const delayMs = Math.min(RETRY_DELAY_MS * 2 ** (attempts - 1), RETRY_DELAY_MAX_MS);
  return Math.round(delayMs * (1 - random / 4));
}
