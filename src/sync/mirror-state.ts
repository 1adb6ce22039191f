import { MIRROR_DELAY_MAX_MS, MIRROR_GONE_MS, MIRROR_QUIET_MS } from '../core/limits.ts';
import { retryDelayMs, type SyncCircumstances, type SyncEvent } from './sync-event.ts';

/*
 *             store or file changed      file gone       due               flushed              flush failed
 * clean       waiting                    waiting         -                 -                    -
 * waiting     waiting, later, bounded    waiting, later  flushing ► flush  -                    -
 * flushing    flushing, again            the same        -                 clean, or waiting    waiting, longer
 */

export type MirrorState =
  | { kind: 'clean' }
  | { kind: 'waiting'; sinceMs: number; dueMs: number; failures: number }
  | { kind: 'flushing'; again: boolean; failures: number };

export function nextMirrorState(
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
