import { noNews, type JoinNews } from './intake/join-news.ts';
import type { CycleEnd } from './sync-failure.ts';

export interface CycleRun {
  /** Off: changes are committed here, and nothing is fetched or pushed. */
  push: boolean;
  /** Stops calls to the remote; local steps end by themselves. */
  signal: AbortSignal;
  /** Called when others' changes are in the store: shows them in the mirror, while ours are sent. Never rejects. */
  onJoined?: (() => Promise<unknown>) | undefined;
}

/** One way to share issues. */
export interface SyncCycle {
  /** What it commits: a change of the other alone needs no cycle. */
  readonly commits: 'store' | 'mirror';
  /** One call at a time; settles when everything is shared, or the reason why not is known. */
  run(how: CycleRun): Promise<CycleReport>;
  /** Called before the first answer: a store that was lost comes back from what is here. */
  restore?(): Promise<void>;
  /** Called in a process that stays, after the callers of a cycle have their answer. */
  tidy?(signal: AbortSignal): Promise<void>;
}

export interface CycleReport extends JoinNews {
  end: CycleEnd;
  /** Issues pushed, or committed here where nothing is pushed. */
  pushed: number;
  imported: number;
  remote: string | undefined;
}

export function emptyCycleReport(): CycleReport {
  return { end: 'no_remote', pushed: 0, imported: 0, remote: undefined, ...noNews() };
}

/**
 * The steps of a cycle, in order. It can be killed between any two: the next one repeats what is not done.
 * Before the first, a change is in the store (one transaction), which is all that the cycle needs.
 */
export type CycleStep =
  | 'fetched'
  | 'taken in'
  | 'objects written'
  | 'committed'
  /** The remote has the commit, and its answer may be lost. */
  | 'pushed'
  | 'noted'
  | 'mirror written'
  | 'packed';

/** Called at each step; a test makes the process fail there. */
export type Reached = (step: CycleStep) => void | Promise<void>;
