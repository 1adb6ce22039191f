import { DRAIN_TIMEOUT_MS, IDLE_TIMEOUT_MS, RETIRE_DRAIN_TIMEOUT_MS } from '../core/limits.ts';
import type { Standing } from '../workspace/held-store.ts';

/** Everything that can change a daemon's life; watchers, sockets, timers and signals only report it. */
export type DaemonEvent =
  | { kind: 'connection_opened' }
  | { kind: 'connection_ended'; nowMs: number }
  /** How things are; `isBusy` while a module needs the daemon though no client is there. */
  | {
      kind: 'checked';
      nowMs: number;
      isBusy: boolean;
      workspace: Standing;
      program: 'present' | 'replaced';
    }
  /** The machine slept, so the time without calls does not count. */
  | { kind: 'woke'; nowMs: number }
  | { kind: 'stop_requested'; reason: string }
  /** Another daemon is to begin, such as a newer one. */
  | { kind: 'retire_requested'; reason: string }
  | { kind: 'failed'; error: unknown };

/**
 * serving --stop_requested, idle-----------> draining (flushes, then ends)
 * serving --retire_requested---------------> draining, with more patience for what runs
 * serving --program replaced, no clients ---> draining
 * serving --store replaced-----------------> draining: what is open is whole, the next daemon opens what is there
 * serving --workspace lost-----------------> abandoning (ends without writing another byte)
 * serving --failed-------------------------> draining with an error
 * The last two are final.
 */
export type DaemonState =
  | { kind: 'serving'; connections: number; quietSinceMs: number }
  /** Requests that run have `patienceMs` to end. */
  | { kind: 'draining'; reason: string; patienceMs: number; error?: unknown }
  | { kind: 'abandoning'; reason: string; patienceMs: number };

type Ended = Exclude<DaemonState, { kind: 'serving' }>;

/** The state of a running daemon. Events only change it; what follows is done once, at the end. */
export function createLife({ startedMs }: { startedMs: number }) {
  let state: DaemonState = { kind: 'serving', connections: 0, quietSinceMs: startedMs };
  let finish = (_end: Ended): void => {};
  const ended = new Promise<Ended>((resolve) => (finish = resolve));
  return {
    post(event: DaemonEvent): void {
      state = decide(state, event);
      if (state.kind !== 'serving') finish(state);
    },
    /** Resolves when the daemon is to end, with how. */
    ended,
  };
}

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
      return drain(event.reason);
    case 'retire_requested':
      return { ...drain(event.reason), patienceMs: RETIRE_DRAIN_TIMEOUT_MS };
    case 'failed':
      return { ...drain('a part of the daemon failed'), error: event.error };
    default:
      return event satisfies never;
  }
}

function check(
  state: DaemonState & { kind: 'serving' },
  { nowMs, isBusy, workspace, program }: DaemonEvent & { kind: 'checked' },
): DaemonState {
  if (workspace === 'lost') return { ...drain('the workspace is gone'), kind: 'abandoning' };
  if (workspace === 'replaced') return drain('the store was replaced');
  if (state.connections > 0 || isBusy) return { ...state, quietSinceMs: nowMs };
  if (program === 'replaced') return drain('its program was replaced');
  if (nowMs - state.quietSinceMs < IDLE_TIMEOUT_MS) return state;
  return drain('it was idle');
}

function drain(reason: string): DaemonState & { kind: 'draining' } {
  return { kind: 'draining', reason, patienceMs: DRAIN_TIMEOUT_MS };
}
