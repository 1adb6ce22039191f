import { noNews, type JoinNews } from './intake/join-news.ts';
import type { CycleEnd } from './sync-failure.ts';

/** One way to share. */
export interface SyncCycle {
  /** What is committed: after a change of the other one alone, there is nothing to do. */
  readonly commits: 'store' | 'mirror';
  /** Called once at a time; settles when all is shared, or the reason why not is known. */
  run(how: {
    /** Off: changes are committed here, and nothing is fetched or sent. */
    push: boolean;
    /** Stops what talks to the remote; local steps end by themselves. */
    signal: AbortSignal;
  }): Promise<CycleReport>;
  /** Called in a process that stays, when those who waited for a cycle have their answer. */
  tidy?(signal: AbortSignal): Promise<void>;
}

/** How one cycle went. */
export interface CycleReport extends JoinNews {
  end: CycleEnd;
  /** Issues sent, or committed here where nothing is sent. */
  pushed: number;
  imported: number;
  remote: string | undefined;
}

export function emptyCycleReport(): CycleReport {
  return { end: 'no_remote', pushed: 0, imported: 0, remote: undefined, ...noNews() };
}
