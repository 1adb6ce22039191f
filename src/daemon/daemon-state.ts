import { IDLE_TIMEOUT_MS } from '../core/limits.ts';
import type { Standing } from '../workspace/workspace.ts';

/** Everything that can change a daemon's life; watchers, sockets, timers and signals only report it. */
export type DaemonEvent =
  | { kind: 'connection_opened' }
  | { kind: 'connection_ended'; nowMs: number }
  /** The regular look at things; `hasPending` is true while changes wait to be shared. */
  | { kind: 'checked'; nowMs: number; hasPending: boolean; workspace: Standing }
  /** The machine slept: that nobody called meanwhile says nothing. */
  | { kind: 'woke'; nowMs: number }
  | { kind: 'stop_requested'; reason: string }
  | { kind: 'failed'; error: unknown };

/**
 * serving --stop_requested, idle--> draining (flushes, then ends)
 * serving --store replaced--------> draining: what is open is whole, and the next daemon opens what is there
 * serving --workspace lost--------> abandoning (ends without writing another byte)
 * serving --failed----------------> draining with an error
 * The last two are final.
 */
export type DaemonState =
  | { kind: 'serving'; connections: number; quietSinceMs: number }
  | { kind: 'draining'; reason: string; error?: unknown }
  | { kind: 'abandoning'; reason: string };

export function decide(state: DaemonState, event: DaemonEvent): DaemonState {
  if (state.kind !== 'serving') return state;
  switch (event.kind) {
    case 'connection_opened':
      return { ...state, connections: state.connections + 1 };
    case 'connection_ended':
      return { ...state, connections: state.connections - 1, quietSinceMs: event.nowMs };
    case 'checked':
      return check(state, event);
    case 'woke':
      return { ...state, quietSinceMs: event.nowMs };
    case 'stop_requested':
      return { kind: 'draining', reason: event.reason };
    case 'failed':
      return { kind: 'draining', reason: 'a part of the daemon failed', error: event.error };
    default:
      return event satisfies never;
  }
}

function check(
  state: DaemonState & { kind: 'serving' },
  { nowMs, hasPending, workspace }: DaemonEvent & { kind: 'checked' },
): DaemonState {
  if (workspace === 'lost') return { kind: 'abandoning', reason: 'the workspace is gone' };
  if (workspace === 'replaced') return { kind: 'draining', reason: 'the store was replaced' };
  if (state.connections > 0 || hasPending) return { ...state, quietSinceMs: nowMs };
  if (nowMs - state.quietSinceMs < IDLE_TIMEOUT_MS) return state;
  return { kind: 'draining', reason: 'nobody has called for a while' };
}
