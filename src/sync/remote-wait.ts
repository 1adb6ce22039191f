import type { Clock } from '../platform/clock.ts';
import type { Git } from '../git/git.ts';

/** Knows since when a remote's answer is due. */
export interface RemoteWait {
  /** The same git, whose calls to a remote are noticed here. */
  watch(git: Git): Git;
  /** Undefined while nothing is asked of a remote. */
  sinceMs(): number | undefined;
}

/** How often somebody who waits looks whether it was too long. */
const LOOK_MS = 250;

export function createRemoteWait(clock: Clock): RemoteWait {
  let asked: number[] = [];
  return {
    watch: (git) => ({
      ...git,
      async reach(args, options) {
        const nowMs = clock.nowMs();
        asked.push(nowMs);
        try {
          return await git.reach(args, options);
        } finally {
          asked = asked.toSpliced(asked.indexOf(nowMs), 1);
        }
      },
    }),
    sinceMs: () => asked[0],
  };
}

/** Settles when one call to a remote has stayed without answer for so long, from now on at the earliest. */
export function whenUnanswered(
  wait: RemoteWait,
  { clock, patienceMs }: { clock: Clock; patienceMs: number },
): { passed: Promise<void>; cancel(): void } {
  const startMs = clock.nowMs();
  let cancel = (): void => {};
  const passed = new Promise<void>((resolve) => {
    const look = (): void => {
      const sinceMs = wait.sinceMs();
      const isOver =
        sinceMs !== undefined && clock.nowMs() - Math.max(sinceMs, startMs) >= patienceMs;
      if (isOver) resolve();
      else cancel = clock.after(LOOK_MS, look);
    };
    look();
  });
  return { passed, cancel: () => cancel() };
}
