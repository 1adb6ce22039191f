import type { Clock } from '../platform/clock.ts';
import type { Store } from '../store/store.ts';
import type { SyncEvent, SyncSettings } from './sync-event.ts';
import type { SyncMemory } from './sync-memory.ts';
import {
  initialSyncState,
  nextDueMs,
  nextSyncState,
  type SyncAction,
  type SyncState,
} from './sync-state.ts';

export interface SyncDriverOptions {
  store: Store;
  clock: Clock;
  random: () => number;
  settings: SyncSettings;
  /** Whether there is a cycle to run. */
  shares: boolean;
  memory: SyncMemory;
  perform: (action: SyncAction) => void;
}

/** Feeds events to the state machines, starts the actions they ask for, and sets their timer. */
export class SyncDriver {
  readonly #options: SyncDriverOptions;
  #state: SyncState;
  #isRunning = false;
  #cancelTimer = (): void => {};

  constructor(options: SyncDriverOptions) {
    const { clock, shares, memory } = options;
    this.#options = options;
    this.#state = initialSyncState({ nowMs: clock.nowMs(), shares, memory });
  }

  get state(): SyncState {
    return this.#state;
  }

  /** Whether work goes on in the background; otherwise only calls do any. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  start(): void {
    this.#isRunning = true;
    this.#setTimer();
  }

  stop(): void {
    this.#isRunning = false;
    this.#setTimer();
  }

  dispatch(event: SyncEvent): void {
    const { clock, random, settings, perform } = this.#options;
    const circumstances = { nowMs: clock.nowMs(), random: random(), settings };
    const { state, actions } = nextSyncState(this.#state, event, circumstances);
    this.#state = state;
    for (const action of actions) perform(action);
    this.#setTimer();
  }

  /** Issues that wait to be sent. */
  pendingCount(): number {
    const { store } = this.#options;
    return ifReadable(store, () => store.outbox.pending().count, 1);
  }

  #setTimer(): void {
    const { clock } = this.#options;
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const dueMs = this.#isRunning ? nextDueMs(this.#state) : undefined;
    if (dueMs === undefined) return;
    const delayMs = Math.max(0, dueMs - clock.nowMs());
    this.#cancelTimer = clock.after(delayMs, () => this.dispatch({ kind: 'due' }));
  }
}

/** `otherwise` while the store cannot be read: assume that there is work, and the next look will tell. */
export function ifReadable<T>(store: Store, read: () => T, otherwise: T): T {
  try {
    return read();
  } catch (error) {
    store.explain(error);
    return otherwise;
  }
}
