import type { CycleEnd } from './sync-failure.ts';
import type { SyncSettings } from './sync-settings.ts';

/** What the machines are told; each listens to what concerns it. */
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

export interface SyncCircumstances {
  nowMs: number;
  /** From 0 to 1. */
  random: number;
  settings: SyncSettings;
}
