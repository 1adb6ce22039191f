import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Store } from '../store/store.ts';
import type { Reached, SyncCycle } from './cycle.ts';
import type { Mirror } from './mirror/mirror-file.ts';
import type { RemoteWait } from './remote-wait.ts';
import type { SyncEvent, SyncSettings } from './sync-event.ts';
import {
  initialSyncState,
  nextDueMs,
  nextSyncState,
  type SyncAction,
  type SyncMemory,
  type SyncState,
} from './sync-state.ts';

/** What the parts of a sync engine work with. */
export interface SyncContext {
  store: Store;
  mirror: Mirror;
  /** Undefined where the mirror is all that others get to see. */
  cycle: SyncCycle | undefined;
  /** What the cycle waits for; without it every caller waits for the cycle's end. */
  remoteWait?: RemoteWait;
  clock: Clock;
  random: () => number;
  /** Read at each use: a setting that changes takes effect at once. */
  settings: SyncSettings;
  /** Throws when the workspace is no longer this process's to write. */
  guard: () => void;
  log: Log;
  reached?: Reached;
}

/** Feeds events to the state machines, starts the actions they ask for, and sets their timer. */
export class SyncDriver {
  readonly #context: SyncContext;
  readonly #perform: (action: SyncAction) => void;
  #state: SyncState;
  #isRunning = false;
  #cancelTimer = (): void => {};

  constructor(
    context: SyncContext,
    { memory, perform }: { memory: SyncMemory; perform: (action: SyncAction) => void },
  ) {
    const { clock, cycle } = context;
    this.#context = context;
    this.#perform = perform;
    this.#state = initialSyncState(clock.nowMs(), { shares: cycle !== undefined, memory });
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
    const { clock, random, settings } = this.#context;
    const circumstances = { nowMs: clock.nowMs(), random: random(), settings };
    const { state, actions } = nextSyncState(this.#state, event, circumstances);
    this.#state = state;
    for (const action of actions) this.#perform(action);
    this.#setTimer();
  }

  /** Issues that wait to be sent; counted up to `most` where that is given. */
  pendingCount(most?: number): number {
    const { store } = this.#context;
    return ifReadable(store, () => store.outbox.count(most), 1);
  }

  #setTimer(): void {
    const { clock } = this.#context;
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
